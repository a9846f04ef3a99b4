"""Reads what a mail server reports about a message: that it could not deliver it (RFC 3464), or that its reader called
it unwanted (RFC 5965).
"""

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage, Message
from email.utils import getaddresses
from typing import Final

LONGEST_REPORT: Final = 2 * 1024 * 1024
_FAILED: Final = "failed"
_NO_COMPLAINT: Final = "not-spam"


@dataclass(frozen=True, slots=True)
class Report:
    """`to_addresses` are those the report came to, of a complaint also the sender it names: one of them carries the tag
    of the message. `status` is that of RFC 3463, empty where the server gave none; `is_final`: the server has given up,
    or the reader has complained.
    """

    to_addresses: tuple[str, ...]
    status: str
    diagnostic: str
    is_final: bool


def read_report(content: bytes) -> Report | None:
    """None for a mail that is no delivery report. Raises ValueError for one that is far too long."""
    if len(content) > LONGEST_REPORT:
        raise ValueError("The report is longer than any server writes.")
    mail = email.message_from_bytes(content, policy=email.policy.default)
    if mail.get_content_type() != "multipart/report":
        return None
    kind = str(mail.get_param("report-type")).lower()
    if kind == "feedback-report":
        return _complaint(mail)
    if kind != "delivery-status":
        return None
    status, diagnostic, is_final = "", "", False
    for part in mail.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in part.get_payload():
            if not isinstance(block, EmailMessage) or "Action" not in block:
                continue
            if str(block["Action"]).strip().lower() == _FAILED:
                is_final = True
                status = str(block.get("Status", "")).strip()[:12]
                diagnostic = " ".join(str(block.get("Diagnostic-Code", "")).split())[:500]
    return Report(_addresses(mail), status, diagnostic, is_final)


def _complaint(mail: EmailMessage) -> Report | None:
    for part in mail.walk():
        if part.get_content_type() != "message/feedback-report":
            continue
        # A parser keeps what is in a message/… part as a message: its headers are the fields, or its text is.
        inner = part.get_payload()
        within = inner[0] if isinstance(inner, list) else inner
        fields = within if isinstance(within, Message) else email.message_from_string(str(within))
        said = str(fields.get("Feedback-Type", "")).strip().lower()
        senders = [address for _name, address in getaddresses([str(fields.get("Original-Mail-From", ""))])]
        return Report((*_addresses(mail), *senders), "", f"complaint: {said}"[:500], said != _NO_COMPLAINT)
    return None


def _addresses(mail: EmailMessage) -> tuple[str, ...]:
    found = []
    for name in ("Delivered-To", "X-Original-To", "To"):
        for value in mail.get_all(name, []):
            for _name, address in getaddresses([str(value)]):
                found.append(address)
    return tuple(found)
