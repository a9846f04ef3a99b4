"""What the domain that our mail comes from says about who may send for it: SPF, DKIM and DMARC."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Final

from django.conf import settings

from procurement.gateways.name_server import NameServers, NoAnswer

_FEWEST_LABELS: Final = 2
# RFC 2606 and 6761: names that belong to nobody.
_NOBODYS: Final = frozenset({"example", "test", "invalid", "localhost"})


@dataclass(frozen=True, slots=True)
class Found:
    """`ok` is None where nothing could be found out."""

    ok: bool | None
    says: str


def examine(servers: NameServers, *, selectors: Sequence[str]) -> dict[str, Found]:
    """What receivers will look up. SPF is asked of the envelope's sender, the rest of the sender that people see."""
    seen = _domain(parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
    envelope = _domain(settings.MAIL_BOUNCES_TO) or seen
    if seen.rpartition(".")[2] in _NOBODYS:
        return {"domain": Found(None, f"{seen} is nobody's: LONGLEAD_MAIL_FROM names the sender")}
    found = {"spf": _checked(_spf, servers, envelope)}
    for selector in selectors:
        found[f"dkim {selector}"] = _checked(_dkim, servers, f"{selector}._domainkey.{seen}")
    if not selectors:
        found["dkim"] = Found(None, "name the selector of your mail server's key with --dkim-selector")
    found["dmarc"] = _checked(_dmarc, servers, seen)
    aligned = _is_aligned(envelope, seen)
    found["alignment"] = Found(aligned, f"the envelope comes from {envelope}, the mail from {seen}")
    return found


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _checked(look: Callable[[NameServers, str], Found], servers: NameServers, name: str) -> Found:
    try:
        return look(servers, name)
    except NoAnswer as failure:
        return Found(None, f"{name} could not be asked about ({failure})")


def _spf(servers: NameServers, domain: str) -> Found:
    records = [text for text in servers.texts(domain) if re.match(r"v=spf1(\s|$)", text, re.IGNORECASE)]
    if len(records) != 1:
        return Found(False, f"{domain} has {len(records)} SPF records, and must have one (v=spf1 …)")
    (record,) = records
    if re.search(r"(^|\s)\+?all(\s|$)", record, re.IGNORECASE):
        return Found(False, f"{domain} lets anybody send: {record}")
    return Found(True, f"{domain}: {record}")


def _dkim(servers: NameServers, name: str) -> Found:
    records = [text for text in servers.texts(name) if "p" in _tags(text)]
    if len(records) != 1:
        return Found(False, f"{name} holds {len(records)} keys, and must hold one")
    if not _tags(records[0])["p"]:
        return Found(False, f"the key at {name} has been withdrawn")
    return Found(True, f"{name} holds a key")


def _dmarc(servers: NameServers, domain: str) -> Found:
    """Of the domain, else of the one above it and so on: receivers go up as well."""
    name = domain
    while True:
        records = [text for text in servers.texts(f"_dmarc.{name}") if _tags(text).get("v", "").upper() == "DMARC1"]
        if records or name.count(".") < _FEWEST_LABELS:
            break
        name = name.partition(".")[2]
    if len(records) != 1:
        return Found(False, f"{domain} has {len(records)} DMARC records, and must have one at _dmarc.{domain}")
    (record,) = records
    if _tags(record).get("p", "") not in ("none", "quarantine", "reject"):
        return Found(False, f"_dmarc.{name} names no policy: {record}")
    return Found(True, f"_dmarc.{name}: {record}")


def _is_aligned(envelope: str, seen: str) -> bool:
    """As relaxed alignment of DMARC has it: one of the two is the other or lies below it."""
    return envelope == seen or envelope.endswith(f".{seen}") or seen.endswith(f".{envelope}")


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs if name.strip()}
