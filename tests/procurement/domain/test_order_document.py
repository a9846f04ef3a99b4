import pytest

from procurement.domain.order_document import Version, read_version
from sites.domain.errors import BadInput


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (7, "7"),
        ("0007", "7"),
        ("2026-11-20T14:30:00+09:00", "2026-11-20T05:30:00.000000+00:00"),
        ("2026-11-20T05:30:00.5Z", "2026-11-20T05:30:00.500000+00:00"),
    ],
)
def test_a_version_has_one_spelling(sent: str | int, kept: str) -> None:
    assert read_version(sent).text == kept


@pytest.mark.parametrize(
    ("older", "newer"),
    [(9, 10), ("99", "100"), ("2026-11-20T23:00:00+09:00", "2026-11-20T14:30:00Z")],
)
def test_versions_are_put_in_order(older: str | int, newer: str | int) -> None:
    first, second = read_version(older), read_version(newer)

    assert (first.is_older_than(second), second.is_older_than(first), first.is_older_than(first)) == (
        True,
        False,
        False,
    )


@pytest.mark.parametrize("sent", ["", "-1", "1.5", "v7", "２", "9" * 31, "2026-11-20", "2026-11-20T14:30:00", "٧"])
def test_what_is_neither_a_number_nor_an_instant_is_refused(sent: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read_version(sent)
    assert refusal.value.field == "document_version"


def test_a_number_and_an_instant_have_no_order() -> None:
    with pytest.raises(BadInput):
        read_version(7).is_older_than(Version("2026-11-20T05:30:00.000000+00:00"))
