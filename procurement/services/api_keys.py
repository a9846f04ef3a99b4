"""Keys of the API: made, shown once, rotated, revoked, recognised. Only a keyed hash of the secret is stored."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from sites.accounts import audit
from sites.accounts.models import ApiClient, ApiKey, User, UserKind
from sites.accounts.permissions import Permission, Role, Scope
from sites.domain.errors import BadInput, Conflict
from sites.models import Desk, Membership, Site
from sites.queries.whole_rows import Whole, whole_rows
from sites.services.access import check_can
from sites.vocabulary import ScopeKind

MOST_LIVE_KEYS: Final = 2
_USED_AGAIN_AFTER = timedelta(minutes=1)
_PREFIX_BYTES, _SECRET_BYTES = 9, 32
# A fixed beginning, so that scanners for leaked secrets find one.
MARK: Final = "ll_"
_SHAPE = re.compile(r"(ll_(?:live|test)_[A-Za-z0-9_-]{12})\.([A-Za-z0-9_-]{43})")
_NO_HASH = bytes(32)


def make_client(
    *,
    name: str,
    system: str,
    actor: User | None,
    role: Role = Role.ERP_CLIENT,
    site_codes: Sequence[str] = (),
    desk_code: str | None = None,
    owner: User | None = None,
) -> ApiClient:
    """A calling system with its service account, which holds `role` at these sites, at a desk, or everywhere.

    `actor` is None for the operator at the console. Raises BadInput, Conflict, NotPermitted.
    """
    check_operator(actor)
    if ApiClient.objects.filter(name=name).exists():
        raise Conflict(_("There is a client of this name already."), field="client")
    with transaction.atomic():
        account = User(username=f"client-{secrets.token_hex(6)}", name=name, kind=UserKind.MACHINE)
        account.set_unusable_password()
        account.save(force_insert=True)
        client = ApiClient(name=name, system=system, account=account, owner=owner)
        try:
            client.full_clean(exclude=["id"])
        except ValidationError as refusal:
            field, messages = next(iter(refusal.message_dict.items()))
            raise BadInput(messages[0], field=field) from None
        client.save(force_insert=True)
        _grant(account, role, site_codes, desk_code)
        record(actor, "api_client.made", client, {"system": system, "role": role.value, "sites": list(site_codes)})
    return client


def _grant(account: User, role: Role, site_codes: Sequence[str], desk_code: str | None) -> None:
    if site_codes and desk_code:
        raise BadInput(_("Name sites or a desk, not both."), field="site")
    if desk_code:
        desk = Desk.objects.filter(code=desk_code).first()
        if desk is None:
            raise BadInput(_("There is no desk %(code)s.") % {"code": desk_code}, field="desk")
        Membership.objects.create(person=account, role=role, scope=ScopeKind.DESK, desk=desk)
        return
    if not site_codes:
        Membership.objects.create(person=account, role=role, scope=ScopeKind.PORTFOLIO)
    for code in dict.fromkeys(site_codes):
        site = Site.objects.filter(code=code).first()
        if site is None:
            raise BadInput(_("There is no site %(code)s.") % {"code": code}, field="site")
        Membership.objects.create(person=account, role=role, scope=ScopeKind.SITE, site=site)


def make_key(
    *,
    client: ApiClient,
    scopes: Sequence[str],
    expires_at: datetime | None,
    addresses: Sequence[str],
    actor: User | None,
    now: datetime,
    live: bool = True,
) -> tuple[ApiKey, str]:
    """A key and its secret, which nobody can show again. `addresses` are networks it works from; empty is any.

    At most two live keys a client, so that one can be replaced without a gap. `actor` is None for the operator at
    the console. Raises BadInput naming `scopes`, `addresses` or `expires_at`, Conflict, NotPermitted.
    """
    check_operator(actor)
    wanted, networks = check_use(scopes, expires_at, addresses, now)
    prefix = f"ll_{'live' if live else 'test'}_{secrets.token_urlsafe(_PREFIX_BYTES)}"
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with transaction.atomic():
        locked = ApiClient.objects.select_for_update(of=("self",)).get(pk=client.pk)
        if _live_keys(locked, now).count() >= MOST_LIVE_KEYS:
            raise Conflict(_("This client has two live keys; revoke one first."), field="client")
        key = ApiKey.objects.create(
            client=locked,
            prefix=prefix,
            secret_hash=_hashed(secret),
            scopes=wanted,
            addresses=networks,
            expires_at=expires_at,
            created_by=actor,
        )
        record(actor, "api_key.made", locked, {"prefix": prefix, "scopes": wanted, "addresses": networks})
    return key, f"{prefix}.{secret}"


def check_use(
    scopes: Sequence[str], expires_at: datetime | None, addresses: Sequence[str], now: datetime
) -> tuple[list[str], list[str]]:
    """The scopes and networks as they are stored. Raises BadInput naming `scopes`, `addresses` or `expires_at`."""
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in Scope.values]
    if unknown or not wanted:
        raise BadInput(_("Scopes are: %(all)s.") % {"all": ", ".join(Scope.values)}, field="scopes")
    if expires_at is not None and expires_at <= now:
        raise BadInput(_("The key would have expired already."), field="expires_at")
    return wanted, [_network(address) for address in addresses]


def revoke(*, key: ApiKey, actor: User | None, now: datetime, reason: str = "") -> ApiKey:
    """From now on the key opens nothing. Revoking twice keeps the first instant. Raises NotPermitted."""
    check_operator(actor)
    with transaction.atomic():
        locked = ApiKey.objects.select_for_update(of=("self",)).select_related("client").get(pk=key.pk)
        if locked.revoked_at is None:
            locked.revoked_at = now
            locked.save(update_fields=["revoked_at"])
            record(actor, "api_key.revoked", locked.client, {"prefix": locked.prefix}, reason)
    return locked


_KEY, _CLIENT, _ACCOUNT = Whole(ApiKey, "k"), Whole(ApiClient, "c"), Whole(User, "u")
_STORED = f"""
SELECT {_KEY.columns}, {_CLIENT.columns}, {_ACCOUNT.columns} FROM {ApiKey._meta.db_table} k
JOIN {ApiClient._meta.db_table} c ON c.id = k.client_id JOIN {User._meta.db_table} u ON u.id = c.account_id
WHERE k.prefix = %(prefix)s
"""  # noqa: S608


def _stored(prefix: str) -> ApiKey | None:
    for key, key.client, key.client.account in whole_rows(_STORED, {"prefix": prefix}, _KEY, _CLIENT, _ACCOUNT):
        assert isinstance(key, ApiKey)
        return key
    return None


def authenticate(presented: str, remote_addr: str, now: datetime) -> ApiKey | None:
    """The key, with its client and account, or None: wrong, expired, revoked, switched off, or from elsewhere.

    Takes the same course for an unknown prefix as for a wrong secret.
    """
    shaped = _SHAPE.fullmatch(presented)
    prefix, secret = shaped.groups() if shaped else ("", "")
    key = _stored(prefix)
    is_right = hmac.compare_digest(_hashed(secret), bytes(key.secret_hash) if key else _NO_HASH)
    if key is None or not is_right or not _is_usable(key, remote_addr, now):
        return None
    # One row is written at most once a minute, whatever the traffic.
    long_ago = now - _USED_AGAIN_AFTER
    if key.last_used_at is None or key.last_used_at < long_ago:
        keys = ApiKey.objects.filter(pk=key.pk)
        keys.filter(Q(last_used_at__isnull=True) | Q(last_used_at__lt=long_ago)).update(last_used_at=now)
    return key


def _is_usable(key: ApiKey, remote_addr: str, now: datetime) -> bool:
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        return False
    if not key.client.active or not key.client.account.is_active:
        return False
    return not key.addresses or is_among(remote_addr, key.addresses)


def is_among(remote_addr: str, networks: Sequence[str]) -> bool:
    try:
        address = ip_address(remote_addr)
    except ValueError:
        return False
    return any(address in ip_network(network) for network in networks)


def _network(address: str) -> str:
    try:
        return str(ip_network(address))
    except ValueError:
        raise BadInput(_("%(text)s is no address or network.") % {"text": address}, field="addresses") from None


def _hashed(secret: str) -> bytes:
    return hmac.new(settings.KEY_PEPPER, secret.encode(), hashlib.sha256).digest()


def _live_keys(client: ApiClient, now: datetime) -> QuerySet[ApiKey]:
    return client.keys.filter(revoked_at__isnull=True).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))


def check_operator(actor: User | None) -> None:
    if actor is not None:
        check_can(actor, Permission.PEOPLE_WRITE, site_id=None)


def record(actor: User | None, verb: str, client: ApiClient, facts: dict[str, object], reason: str = "") -> None:
    audit.record(actor=actor, verb=verb, subject_kind="api_client", subject_id=client.pk, reason=reason, facts=facts)
