"""Text records, as name servers give them."""

from pathlib import Path

import pytest

from procurement.gateways.name_server import PORT, NameServers, NoAnswer, named, of_this_machine
from tests.name_server import answering


def test_the_parts_of_a_record_are_one_text_and_a_missing_name_has_none() -> None:
    with answering(
        {"ofe.example": ["v=spf1 " + "include:mail.example " * 14 + "-all", "other"]}, most_bytes=4096
    ) as at:
        servers = named(at)
        texts = servers.texts("OFE.example".lower())
        assert [len(text) for text in texts] == [len("v=spf1 -all") + 21 * 14 - 1 + 1, 5]
        assert servers.texts("nobody.example") == []


def test_what_is_too_long_for_a_packet_is_asked_again_over_tcp() -> None:
    long = ["x" * 200 for _ in range(5)]
    with answering({"ofe.example": long}) as at:
        assert named(at).texts("ofe.example") == long


def test_a_server_that_fails_is_passed_over_and_none_left_is_said() -> None:
    with answering({}, code=2) as failing, answering({"ofe.example": ["here"]}) as good:
        both = NameServers([*named(failing).servers, *named(good).servers])
        assert both.texts("ofe.example") == ["here"]
        with pytest.raises(NoAnswer, match="the name server says 2"):
            named(failing).texts("ofe.example")
    with pytest.raises(NoAnswer, match="no name server is known"):
        NameServers([]).texts("ofe.example")


@pytest.mark.parametrize("name", ["", "a..example", "x" * 64 + ".example"])
def test_what_is_no_name_is_not_asked_for(name: str) -> None:
    with answering({}) as at, pytest.raises(NoAnswer):
        named(at).texts(name)


def test_the_machine_names_its_servers(tmp_path: Path) -> None:
    config = tmp_path / "resolv.conf"
    config.write_text("search example\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n# nameserver 192.0.2.9\n")

    assert list(of_this_machine(config).servers) == [("192.0.2.1", PORT), ("2001:db8::1", PORT)]
    assert list(of_this_machine(tmp_path / "none").servers) == []


def test_a_server_is_named_by_its_address() -> None:
    assert list(named("192.0.2.1").servers) == [("192.0.2.1", PORT)]
    assert list(named("192.0.2.1:5353").servers) == [("192.0.2.1", 5353)]
    with pytest.raises(ValueError, match="does not appear"):
        named("dns.example")
