"""The log beside a hand-written API page of as many order lines: a keyset query and its JSON, on the same server."""

import json

from django.db import connection
from django.test import Client

from bench.case import Case, beside, seconds
from sites.accounts.models import User

TIMES_HAND_WRITTEN, TIMES_A_HUNDRED = 10.0, 5.0
# All fields of 100 lines with their header, vendor, plant and schedule lines, after a key.
_HAND_WRITTEN = """
SELECT line.id, line.number, line.status, line.description, line.unit, line.unit_price, class.code, plant.code,
  head.number, head.kind, head.revision, head.currency, head.commercial_status, head.incoterm, seller.code, seller.name,
  (SELECT json_agg(json_build_object('number', schedule.number, 'quantity', schedule.quantity, 'status',
     schedule.status, 'contract_on', schedule.contract_on, 'site', site.code) ORDER BY schedule.number)
   FROM procurement_scheduleline schedule LEFT JOIN sites_site site ON site.id = schedule.site_id
   WHERE schedule.line_id = line.id)
FROM procurement_orderline line
JOIN procurement_purchaseorder head ON head.id = line.order_id
JOIN procurement_company seller ON seller.id = head.seller_id
LEFT JOIN procurement_equipmentclass class ON class.id = line.equipment_class_id
LEFT JOIN procurement_plant plant ON plant.id = line.plant_id
WHERE line.id > %s ORDER BY line.id LIMIT 100
"""


def cases(*, reader: User, lines: int) -> list[Case]:
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(reader)

    def page(path: str) -> float:
        return seconds(lambda: client.get(path))

    hand = seconds(hand_written)
    hundred, many = page("/log/?view=&size=100"), page("/log/?view=&size=500")
    of = f"of {lines} lines"
    return [
        beside(f"the log, 100 rows, {of}", hundred, TIMES_HAND_WRITTEN * hand, "ten times a hand-written API page"),
        beside(f"the log, 500 rows, {of}", many, TIMES_A_HUNDRED * hundred, "five times the log of 100 rows"),
    ]


def hand_written() -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(_HAND_WRITTEN, ["00000000-0000-0000-0000-000000000000"])
        names = [column.name for column in cursor.description or ()]
        return json.dumps([dict(zip(names, row, strict=True)) for row in cursor.fetchall()], default=str).encode()
