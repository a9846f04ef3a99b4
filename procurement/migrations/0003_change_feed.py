# ruff: noqa: E501, S608 - statements put together from the constants of this file
"""The change feed, written by PostgreSQL itself, so that no way of writing can miss it.

An order's own rows raise its version once a transaction (0002), and that writes its one `po.updated`; what its lines
and schedule lines add is merged into that row. The triggers here are named so that they follow those of the version, which
take the lock on the order: the sequence of a thing is counted under it.
"""

from django.db import migrations

COMMON = """
CREATE FUNCTION longlead_said(v jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE jsonb_typeof(v)
        WHEN 'number' THEN to_jsonb(trim_scale((v #>> '{}')::numeric)::text)
        WHEN 'null' THEN NULL ELSE v END
$$;
CREATE FUNCTION longlead_part(path text, old jsonb, new jsonb, sites uuid[], amount boolean) RETURNS jsonb
    LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('path', path, 'old', longlead_said(old), 'new', longlead_said(new),
                              'sites', to_jsonb(sites), 'amount', amount)
$$;
"""

# Columns without news: keys, and what a trigger counts.
_SILENT = (
    "('id', 'created_at', 'version', 'version_transaction', 'order_id', 'line_id', 'chain_id', 'document_version')"
)
_AMOUNTS = (
    "('total_amount', 'unit_price', 'damages_rate_percent', 'damages_cap_percent',"
    " 'price', 'price_floor', 'price_cap', 'escalation_percent')"
)
_NEXT = "coalesce((SELECT max(c.sequence) FROM procurement_change c WHERE c.subject_id = d.id), 0)"
_MERGE = """
    UPDATE procurement_change c SET parts = c.parts || d.parts,
        sites = ARRAY(SELECT DISTINCT unnest(c.sites || d.sites))
    FROM (SELECT p.id, jsonb_agg(part ORDER BY part ->> 'path') AS parts, longlead_all_sites(p.sites) AS sites
          FROM ({parts}) p(id, part, sites) GROUP BY p.id) d
    WHERE c.xid = pg_current_xact_id() AND c.subject_id = d.id AND c.kind IN ('po.updated', 'po.cancelled');
"""

ALL_SITES = """
CREATE FUNCTION longlead_more_sites(had uuid[], more uuid[]) RETURNS uuid[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY(SELECT DISTINCT s FROM unnest(had || more) s WHERE s IS NOT NULL)
$$;
CREATE AGGREGATE longlead_all_sites(uuid[]) (SFUNC = longlead_more_sites, STYPE = uuid[], INITCOND = '{}');
"""


def _differences(prefix: str, sites: str) -> str:
    return f"""SELECT longlead_part({prefix} || k.key, to_jsonb(o) -> k.key, k.value, {sites}, k.key IN {_AMOUNTS}) AS part
        FROM jsonb_each(to_jsonb(n)) k WHERE k.key NOT IN {_SILENT} AND k.value IS DISTINCT FROM to_jsonb(o) -> k.key"""


def _trigger(table: str, event: str, body: str) -> str:
    name = f"longlead_feed_{table}_{event}".lower()
    tables = {
        "INSERT": "NEW TABLE AS new_rows",
        "DELETE": "OLD TABLE AS old_rows",
        "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    }[event]
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$;
CREATE TRIGGER the_feed_hears_{event.lower()} AFTER {event} ON {table} REFERENCING {tables}
    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


def _insert(subject: str, rows: str, *, is_new: bool = False) -> str:
    """`rows` yields id, kind, parts, sites and place (their order within one thing)."""
    before = "0" if is_new else _NEXT
    return f"""
    INSERT INTO procurement_change (subject, subject_id, sequence, kind, parts, sites)
    SELECT '{subject}', d.id, {before} + row_number() OVER (PARTITION BY d.id ORDER BY d.place), d.kind, d.parts, d.sites
    FROM ({rows}) d ORDER BY d.place, d.id;
"""


def _tombstones(subject: str, kind: str) -> str:
    """Of things that are gone it is only known whose they were from what was said of them before."""
    return _insert(
        subject,
        f"""SELECT o.id, '{kind}' AS kind, '[]'::jsonb AS parts, 1 AS place,
            ARRAY(SELECT DISTINCT s FROM procurement_change c, unnest(c.sites) s WHERE c.subject_id = o.id) AS sites
            FROM old_rows o""",
    )


_ORDER_UPDATE = f"""
    WITH diff AS (
        SELECT n.id, n.version <> o.version AS rose,
            n.commercial_status = 'cancelled' AND o.commercial_status <> 'cancelled' AS cancelled,
            coalesce((SELECT jsonb_agg(x.part) FROM ({_differences("''", "NULL")}) x), '[]') AS parts
        FROM new_rows n JOIN old_rows o ON o.id = n.id
    ), merged AS (
        UPDATE procurement_change c SET parts = c.parts || d.parts,
            kind = CASE WHEN d.cancelled THEN 'po.cancelled' ELSE c.kind END
        FROM diff d WHERE NOT d.rose AND d.parts <> '[]' AND c.xid = pg_current_xact_id() AND c.subject_id = d.id
            AND c.kind IN ('po.updated', 'po.cancelled')
    )
    INSERT INTO procurement_change (subject, subject_id, sequence, kind, parts, sites)
    SELECT 'purchase_order', d.id, {_NEXT} + 1, CASE WHEN d.cancelled THEN 'po.cancelled' ELSE 'po.updated' END,
        d.parts, '{{}}' FROM diff d WHERE d.rose ORDER BY d.id;
"""
_SITES_OF_LINE = (
    "ARRAY(SELECT DISTINCT s.site_id FROM procurement_scheduleline s WHERE s.line_id = n.id AND s.site_id IS NOT NULL)"
)
_SITE_OF_SCHEDULE = "CASE WHEN {row}.site_id IS NULL THEN '{{}}' ELSE ARRAY[{row}.site_id] END"

_LINE = {
    "INSERT": _MERGE.format(
        parts="""SELECT n.order_id, longlead_part('lines/' || n.number, NULL, to_jsonb(n.status), NULL, false), '{}'::uuid[]
            FROM new_rows n"""
    ),
    "UPDATE": _MERGE.format(
        parts=f"""SELECT n.order_id, x.part, {_SITES_OF_LINE} FROM new_rows n JOIN old_rows o ON o.id = n.id
            CROSS JOIN LATERAL ({_differences("'lines/' || n.number || '/'", _SITES_OF_LINE)}) x"""
    ),
    "DELETE": _MERGE.format(
        parts="""SELECT o.order_id, longlead_part('lines/' || o.number, to_jsonb(o.status), NULL, NULL, false), '{}'::uuid[]
            FROM old_rows o"""
    ),
}
_SCHEDULE_PATH = "'lines/' || l.number || '/schedules/' || {row}.number"
_SCHEDULE = {
    "INSERT": _MERGE.format(
        parts=f"""SELECT l.order_id, longlead_part({_SCHEDULE_PATH.format(row="n")}, NULL, to_jsonb(n.quantity),
            {_SITE_OF_SCHEDULE.format(row="n")}, false), {_SITE_OF_SCHEDULE.format(row="n")}
            FROM new_rows n JOIN procurement_orderline l ON l.id = n.line_id"""
    ),
    "UPDATE": _MERGE.format(
        parts=f"""SELECT l.order_id, x.part, ARRAY[n.site_id, o.site_id] FROM new_rows n JOIN old_rows o ON o.id = n.id
            JOIN procurement_orderline l ON l.id = n.line_id CROSS JOIN LATERAL
            ({_differences(_SCHEDULE_PATH.format(row="n") + " || '/'", _SITE_OF_SCHEDULE.format(row="n"))}) x"""
    ),
    "DELETE": _MERGE.format(
        parts=f"""SELECT l.order_id, longlead_part({_SCHEDULE_PATH.format(row="o")}, to_jsonb(o.quantity), NULL,
            {_SITE_OF_SCHEDULE.format(row="o")}, false), {_SITE_OF_SCHEDULE.format(row="o")}
            FROM old_rows o JOIN procurement_orderline l ON l.id = o.line_id"""
    ),
}

_SCHEDULE_OF_LOT = """JOIN procurement_scheduleline s ON s.id = d.schedule_line_id
    JOIN procurement_orderline l ON l.id = s.line_id"""
_LOT_SITES = _SITE_OF_SCHEDULE.format(row="s")
_SHARE_SITES = (
    "ARRAY(SELECT DISTINCT h.site_id FROM sites_ppashare h WHERE h.agreement_id = {row}.id AND h.site_id IS NOT NULL)"
)
# The statement before that one about the same milestone, which was not taken back.
_STATED_BEFORE = """(SELECT p.value FROM sites_promise p WHERE p.milestone_id = r.milestone_id AND p.place < r.place
    AND NOT EXISTS (SELECT 1 FROM sites_promiseretraction t WHERE t.promise_id = p.id) ORDER BY p.place DESC LIMIT 1)"""


def _dated(source: str, old: str, new: str, field: str, group: str) -> str:
    """Dates of a milestone, as its owner: the order of the lot, or the agreement. One change a statement and owner.

    `source` names the milestone m, and r where `group` or a date speaks of it. It is read first and the rest step by
    step: without fresh statistics (a bulk load) the planner else joins whole tables before it looks at the few rows.
    """
    told = f"""WITH told AS MATERIALIZED (
        SELECT m.id, m.chain_id, m.code, {group} AS cause, to_jsonb({old}) AS was, to_jsonb({new}) AS now
        FROM {source})"""
    lots = f"""{told}, lots AS MATERIALIZED (
            SELECT m.*, d.id AS lot_id, d.schedule_line_id FROM told m
            JOIN procurement_deliverylot d ON d.chain_id = m.chain_id
        ), lines AS MATERIALIZED (
            SELECT m.*, s.line_id, s.number, s.site_id FROM lots m
            JOIN procurement_scheduleline s ON s.id = m.schedule_line_id)
        SELECT l.order_id AS id, 'po.line.date_revised' AS kind, min(m.id::text) AS place,
        jsonb_agg(longlead_part({_SCHEDULE_PATH.format(row="m")} || '/' || m.code || '/' || {field}, m.was, m.now,
            {_SITE_OF_SCHEDULE.format(row="m")}, false) || jsonb_build_object('lot', m.lot_id)) AS parts,
        longlead_all_sites({_SITE_OF_SCHEDULE.format(row="m")}) AS sites
        FROM lines m JOIN procurement_orderline l ON l.id = m.line_id GROUP BY l.order_id, m.cause"""
    agreements = f"""{told}
        SELECT a.id, 'ppa.milestone.date_revised' AS kind, min(m.id::text) AS place,
        jsonb_agg(longlead_part('milestones/' || m.code || '/' || {field}, m.was, m.now, NULL, false)) AS parts,
        {_SHARE_SITES.format(row="a")} AS sites
        FROM told m JOIN sites_powerpurchaseagreement a ON a.chain_id = m.chain_id GROUP BY a.id, m.cause"""
    return (
        _insert("purchase_order", lots)
        + f"""
    PERFORM pg_advisory_xact_lock(hashtextextended(x.id::text, 7)) FROM ({told}
        SELECT DISTINCT a.id FROM told m JOIN sites_powerpurchaseagreement a ON a.chain_id = m.chain_id ORDER BY 1) x;
"""
        + _insert("agreement", agreements)
    )


_PROMISE = _dated(
    "new_rows r JOIN sites_milestone m ON m.id = r.milestone_id",
    _STATED_BEFORE,
    "CASE WHEN r.precision = 'tbd' THEN 'tbd' ELSE r.value END",
    "'promised'",
    "r.statement_id",
)
_RETRACTION = _dated(
    "(SELECT p.* FROM new_rows t JOIN sites_promise p ON p.id = t.promise_id OFFSET 0) r"
    " JOIN sites_milestone m ON m.id = r.milestone_id",
    "CASE WHEN r.precision = 'tbd' THEN 'tbd' ELSE r.value END",
    _STATED_BEFORE,
    "'promised'",
    "r.statement_id",
)
_MILESTONE = "".join(
    _dated(
        f"(SELECT n.*, o.{column} AS {column}_before FROM new_rows n JOIN old_rows o ON o.id = n.id"
        f" WHERE n.{column} IS DISTINCT FROM o.{column}) m",
        f"m.{column}_before",
        f"m.{column}",
        f"'{word}'",
        "pg_current_xact_id()",
    )
    for column, word in (("actual_on", "actual"), ("locked_on", "locked"))
)


def _of_lot(kind: str, quantity: str, word: str, *, rows: str = "new_rows r", where: str = "") -> str:
    path = _SCHEDULE_PATH.format(row="s")
    return _insert(
        "purchase_order",
        f"""SELECT l.order_id AS id, {kind} AS kind, r.id::text AS place, {_LOT_SITES} AS sites, jsonb_build_array(
            longlead_part({path} || '/{word}', NULL, to_jsonb({quantity}), {_LOT_SITES}, false)
            || jsonb_build_object('lot', d.id, 'document', r.id)) AS parts
            FROM {rows} JOIN procurement_deliverylot d ON d.id = r.lot_id {_SCHEDULE_OF_LOT} {where}""",
    )


# Standing notices of some lots, each with what the notices of its lot come to up to it, the oldest first.
_NOTICES = """(SELECT n.id, n.lot_id, n.quantity, sum(n.quantity) OVER (PARTITION BY n.lot_id ORDER BY n.id) AS up_to
    FROM procurement_shipmentnotice n WHERE n.lot_id IN ({lots}) AND n.reverses_id IS NULL
        AND NOT EXISTS (SELECT 1 FROM procurement_shipmentnotice b WHERE b.reverses_id = n.id))"""
_RECEIVED = """coalesce((SELECT sum(t.quantity) FROM procurement_receipt t WHERE t.lot_id = r.lot_id
    AND t.reverses_id IS NULL AND NOT EXISTS (SELECT 1 FROM procurement_receipt b WHERE b.reverses_id = t.id)), 0)"""
_STATED_ON_SITE = """EXISTS (SELECT 1 FROM procurement_deliverylot a JOIN sites_milestone m ON m.chain_id = a.chain_id
    WHERE a.id = r.lot_id AND m.code = 'ON_SITE' AND m.actual_on IS NOT NULL)"""


def _arrived(lots: str, where: str) -> str:
    """A shipment arrived once its units are received, those of older notices before them, or its lot is on site."""
    return _of_lot(
        "'shipment.arrived'", "r.quantity", "arrived", rows=f"{_NOTICES.format(lots=lots)} r", where=f"WHERE {where}"
    )


# A receipt that completes the notices up to one: they were open before it.
_RECEIPT = _of_lot(
    "CASE WHEN r.reverses_id IS NULL THEN 'receipt.recorded' ELSE 'receipt.reversed' END", "r.quantity", "received"
) + _arrived(
    "SELECT lot_id FROM new_rows WHERE reverses_id IS NULL",
    f"""r.up_to <= {_RECEIVED} AND NOT {_STATED_ON_SITE} AND r.up_to > {_RECEIVED} - (SELECT sum(x.quantity)
        FROM new_rows x WHERE x.lot_id = r.lot_id AND x.reverses_id IS NULL)""",
)
_SHIPMENT = _of_lot(
    "CASE WHEN r.reverses_id IS NOT NULL THEN 'shipment.reversed' WHEN r.despatched_on IS NULL THEN 'shipment.announced'"
    " ELSE 'shipment.departed' END",
    "r.quantity",
    "shipped",
) + _arrived(
    "SELECT lot_id FROM new_rows",
    f"r.id IN (SELECT id FROM new_rows) AND (r.up_to <= {_RECEIVED} OR {_STATED_ON_SITE})",
)
_NOW_ON_SITE = """new_rows n JOIN old_rows o ON o.id = n.id AND o.actual_on IS NULL
    WHERE n.code = 'ON_SITE' AND n.actual_on IS NOT NULL"""
_MILESTONE += f"""
    IF EXISTS (SELECT 1 FROM {_NOW_ON_SITE}) THEN
        {_arrived(
            f"SELECT a.id FROM procurement_deliverylot a WHERE a.chain_id IN (SELECT n.chain_id FROM {_NOW_ON_SITE})",
            f"r.up_to > {_RECEIVED}",
        )}
    END IF;
"""
_SITES_CONFIRMED = """(SELECT longlead_all_sites(ARRAY[s.site_id]) FROM sites_promise p
    JOIN sites_milestone m ON m.id = p.milestone_id JOIN procurement_deliverylot d ON d.chain_id = m.chain_id
    JOIN procurement_scheduleline s ON s.id = d.schedule_line_id
    WHERE p.statement_id = coalesce(n.reverses_id, n.id))"""
_CONFIRMATION = _insert(
    "purchase_order",
    f"""SELECT n.order_id AS id, n.id::text AS place, w.sites,
        CASE WHEN n.reverses_id IS NULL THEN 'confirmation.recorded' ELSE 'confirmation.reversed' END AS kind,
        jsonb_build_array(longlead_part('confirmations/' || coalesce(n.reverses_id, n.id), to_jsonb(o.number),
            CASE WHEN n.reverses_id IS NULL THEN to_jsonb(n.number) END, w.sites, false)) AS parts
        FROM new_rows n LEFT JOIN procurement_confirmation o ON o.id = n.reverses_id
        CROSS JOIN LATERAL (SELECT {_SITES_CONFIRMED} AS sites) w""",
)
_CHANGE_ORDER_ROWS = """SELECT n.order_id AS id, n.id::text AS place, '{{}}'::uuid[] AS sites,
    CASE n.state WHEN 'approved' THEN 'po.change_order.approved' WHEN 'applied' THEN 'po.change_order.applied'
        WHEN 'rejected' THEN 'po.change_order.rejected' ELSE 'po.change_order.created' END AS kind,
    jsonb_build_array(longlead_part('change_orders/' || n.number || '/state', {old}, to_jsonb(n.state), NULL, false))
        AS parts FROM new_rows n {joined}"""
_CHANGE_ORDER = {
    "INSERT": _insert("purchase_order", _CHANGE_ORDER_ROWS.format(old="NULL", joined="")),
    "UPDATE": _insert(
        "purchase_order",
        _CHANGE_ORDER_ROWS.format(
            old="to_jsonb(o.state)", joined="JOIN old_rows o ON o.id = n.id AND o.state <> n.state"
        ),
    ),
}

_ALERT_SITES = "CASE WHEN {row}.site_id IS NULL THEN '{{}}' ELSE ARRAY[{row}.site_id] END::uuid[]"
_ALERT_OPENED = _insert(
    "alert",
    f"""SELECT n.id, k.kind, k.place, {_ALERT_SITES.format(row="n")} AS sites,
        jsonb_build_array(longlead_part('state', NULL, to_jsonb(n.state), NULL, false)) AS parts
        FROM new_rows n CROSS JOIN LATERAL (VALUES ('slip.opened', 1), ('ppa.milestone.at_risk', 2)) k(kind, place)
        WHERE k.place = 1 OR n.subject_kind IN ('agreement', 'agreement_share')""",
    is_new=True,
)
_ALERT_MOVED = _insert(
    "alert",
    f"""SELECT n.id, CASE n.state WHEN 'open' THEN 'slip.reopened' WHEN 'acknowledged' THEN 'slip.acknowledged'
            WHEN 'snoozed' THEN 'slip.snoozed' WHEN 'escalated' THEN 'slip.escalated' ELSE 'slip.resolved' END AS kind,
        1 AS place, {_ALERT_SITES.format(row="n")} AS sites,
        jsonb_build_array(longlead_part('state', to_jsonb(o.state), to_jsonb(n.state), NULL, false)) AS parts
        FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE n.state <> o.state AND NOT (o.state = 'recovered' AND n.state = 'closed')""",
)
# The first band of an alert is its opening, which was said.
_ALERT_EVENT = _insert(
    "alert",
    f"""SELECT a.id, CASE r.kind WHEN 'improved' THEN 'slip.improved' ELSE 'slip.worsened' END AS kind, r.id::text AS place,
        {_ALERT_SITES.format(row="a")} AS sites,
        jsonb_build_array(longlead_part('band', NULL, to_jsonb(r.band), NULL, false)) AS parts
        FROM new_rows r JOIN procurement_alert a ON a.id = r.alert_id
        WHERE r.kind IN ('worsened', 'improved') OR (r.kind = 'band' AND NOT EXISTS (SELECT 1 FROM procurement_change c
            WHERE c.xid = pg_current_xact_id() AND c.subject_id = a.id AND c.kind = 'slip.opened'))""",
)

_LEAD_TIME_ROWS = """SELECT n.id, 'lead_time.changed' AS kind, 1 AS place, '{{}}'::uuid[] AS sites, {parts} AS parts
    FROM new_rows n {joined}"""
_LEAD_TIME = {
    "INSERT": _insert("lead_time", _LEAD_TIME_ROWS.format(parts="'[]'::jsonb", joined=""), is_new=True),
    "UPDATE": _insert(
        "lead_time",
        _LEAD_TIME_ROWS.format(
            parts=f"(SELECT jsonb_agg(x.part) FROM ({_differences(chr(39) * 2, 'NULL')}) x)",
            joined="JOIN old_rows o ON o.id = n.id AND o IS DISTINCT FROM n",
        ),
    ),
    "DELETE": _tombstones("lead_time", "lead_time.removed"),
}
_AGREEMENT_ROWS = f"""SELECT n.id, '{{kind}}' AS kind, 1 AS place, {_SHARE_SITES.format(row="n")} AS sites, {{parts}} AS parts
    FROM new_rows n {{joined}}"""
_AGREEMENT = {
    "INSERT": _insert(
        "agreement", _AGREEMENT_ROWS.format(kind="ppa.created", parts="'[]'::jsonb", joined=""), is_new=True
    ),
    "UPDATE": _insert(
        "agreement",
        _AGREEMENT_ROWS.format(
            kind="ppa.updated",
            parts=f"(SELECT jsonb_agg(x.part) FROM ({_differences(chr(39) * 2, 'NULL')}) x)",
            joined="JOIN old_rows o ON o.id = n.id AND o IS DISTINCT FROM n",
        ),
    ),
    "DELETE": _tombstones("agreement", "ppa.removed"),
}
_ORDER_CREATED = _insert(
    "purchase_order",
    "SELECT n.id, 'po.created' AS kind, n.id AS place, '[]'::jsonb AS parts, '{}'::uuid[] AS sites FROM new_rows n",
    is_new=True,
)

HEARD = {
    "procurement_purchaseorder": {
        "INSERT": _ORDER_CREATED,
        "UPDATE": _ORDER_UPDATE,
        "DELETE": _tombstones("purchase_order", "po.removed"),
    },
    "procurement_orderline": _LINE,
    "procurement_scheduleline": _SCHEDULE,
    "sites_promise": {"INSERT": _PROMISE},
    "sites_promiseretraction": {"INSERT": _RETRACTION},
    "sites_milestone": {"UPDATE": _MILESTONE},
    "procurement_receipt": {"INSERT": _RECEIPT},
    "procurement_shipmentnotice": {"INSERT": _SHIPMENT},
    "procurement_confirmation": {"INSERT": _CONFIRMATION},
    "procurement_changeorder": _CHANGE_ORDER,
    "procurement_alert": {"INSERT": _ALERT_OPENED, "UPDATE": _ALERT_MOVED},
    "procurement_alertevent": {"INSERT": _ALERT_EVENT},
    "procurement_leadtimeobservation": _LEAD_TIME,
    "sites_powerpurchaseagreement": _AGREEMENT,
}


class Migration(migrations.Migration):
    dependencies = [("procurement", "0002_rules_kept_by_triggers")]

    operations = [
        migrations.RunSQL(COMMON + ALL_SITES, migrations.RunSQL.noop),
        *[
            migrations.RunSQL(_trigger(table, event, body), migrations.RunSQL.noop)
            for table, events in HEARD.items()
            for event, body in events.items()
        ],
    ]
