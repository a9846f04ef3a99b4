"""Schedule lines with all that is known of them, a page by key: what another system reads to hold a copy."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from procurement.domain.money import in_minor_units
from procurement.models import PurchaseOrder
from procurement.queries.log import LogFilter, Shown, lines_of_today
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.queries.access import Reach, reaches

# Written out, and by the rows of the log: the ORM took three times as long to say it as PostgreSQL to answer it.
# Everything comes as it goes on, text for days and numbers; names are those of the answer.
_ROWS: Final = """
SELECT line.schedule_line_id::text AS id, o.id::text AS "order", o.version AS order_version,
    line.order_number AS number,
    coalesce((SELECT json_agg(json_build_object('system', ref.system, 'external_id', ref.external_id)
        ORDER BY ref.system, ref.external_id) FROM procurement_externalref ref
        WHERE ref.kind = 'purchase_order' AND ref.subject_id = o.id), '[]') AS external_ids,
    o.title AS order_title, o.kind AS order_kind, o.commercial_status AS order_status, o.financial_status,
    seller.code AS vendor, line.seller_name AS vendor_name, o.issued_on::text, o.currency,
    coalesce(nullif(o.incoterm, ''), o.incoterm_text) AS incoterm, o.incoterm_place, o.document_version,
    line.line_number, l.external_line_id, l.status AS line_status, l.description, class.code AS equipment_class,
    maker.code || '/' || plant.code AS plant, l.unit, {price} AS unit_price,
    trim_scale(l.over_delivery_percent)::text AS over_delivery_percent, line.schedule_number, s.status,
    line.site_code AS site, trim_scale(line.quantity)::text AS quantity, line.contract_on::text AS contractual_date,
    s.contract_step, s.contract_step_assumed, coalesce(line.tags, '{{}}') AS tags, line.required_on_site::text,
    line.promised_on::text, line.forecast_on::text, line.delivered_on::text, line.next_on::text AS next_milestone_on,
    line.float_days, line.slip_days, line.is_late AS late
FROM procurement_logline line
JOIN procurement_scheduleline s ON s.id = line.schedule_line_id
JOIN procurement_orderline l ON l.id = s.line_id
JOIN procurement_purchaseorder o ON o.id = l.order_id
JOIN procurement_company seller ON seller.id = line.seller_id
JOIN procurement_equipmentclass class ON class.id = line.equipment_class_id
LEFT JOIN procurement_plant plant ON plant.id = l.plant_id
LEFT JOIN procurement_company maker ON maker.id = plant.company_id
WHERE {kept}
ORDER BY line.schedule_line_id
LIMIT %(limit)s
"""
# A price is of all parts of its line that the actor sees, so it takes the right at each of them.
_PRICE: Final = """CASE WHEN NOT EXISTS (
    SELECT FROM procurement_scheduleline part WHERE part.line_id = l.id AND {seen} AND NOT {priced}
) THEN l.unit_price END"""
_FILTERS: Final = {
    "site": "line.site_id = (SELECT id FROM sites_site WHERE code = %(site)s)",
    "equipment_class": "line.equipment_class_id ="
    " (SELECT id FROM procurement_equipmentclass WHERE code = %(equipment_class)s)",
    "vendor": "(SELECT id FROM procurement_company WHERE code = %(vendor)s) IN (line.seller_id, line.maker_id)",
}


def rows(actor: User, wanted: LogFilter, *, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    """Those after a key, in the order of keys, which never changes. Three queries, however many."""
    seen, priced = (reaches([actor.pk], right)[actor.pk] for right in (Permission.SITE_VIEW, Permission.AMOUNTS_VIEW))
    said: dict[str, Any] = {"limit": limit, "after": after} | _keys("seen", seen) | _keys("priced", priced)
    kept = [_within("line.site_id", "seen", seen)]
    if after is not None:
        kept.append("line.schedule_line_id > %(after)s")
    if wanted.shown is not Shown.ALL:
        kept.append("line.shown = %(shown)s")
        said["shown"] = wanted.shown.value
    if wanted.late:
        kept.append("line.is_late")
    for name, condition in _FILTERS.items():
        if value := getattr(wanted, name):
            kept.append(condition)
            said[name] = value
    for place, word in enumerate(wanted.text.split()):
        kept.append(f"strpos(line.words, lower(%(word{place})s)) > 0")
        said[f"word{place}"] = word
    price = _PRICE.format(seen=_within("part.site_id", "seen", seen), priced=_within("part.site_id", "priced", priced))
    with connection.cursor() as cursor:
        cursor.execute(
            _ROWS.format(price="l.unit_price" if priced.everywhere else price, kept=" AND ".join(kept)), said
        )
        names = [column.name for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in found:
        amount: Decimal | None = row["unit_price"]
        if amount is not None:
            row["unit_price"] = str(in_minor_units(amount, row["currency"]))
    return found


def orders_of(actor: User, wanted: LogFilter) -> QuerySet[PurchaseOrder]:
    """The orders of which the filter leaves a line."""
    kept = lines_of_today(actor, wanted).values("schedule_line__line__order")
    return PurchaseOrder.objects.visible_to(actor).filter(pk__in=kept)


def _within(column: str, name: str, reach: Reach) -> str:
    """As `visible_to` of the lines says it: without a site only with the portfolio."""
    if reach.everywhere:
        return "TRUE"
    of_desks = f"SELECT id FROM sites_site WHERE desk_id = ANY(%({name}_desks)s)"  # noqa: S608
    return f"coalesce({column} = ANY(%({name}_sites)s) OR {column} IN ({of_desks}), FALSE)"


def _keys(name: str, reach: Reach) -> dict[str, list[UUID]]:
    return {f"{name}_sites": list(reach.sites), f"{name}_desks": list(reach.desks)}
