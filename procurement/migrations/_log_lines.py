# ruff: noqa: E501, S608 - statements put together from the constants of this file
"""The rows of the log, written by PostgreSQL itself in the transaction that changes what they are made of.

`longlead_log_line` says what a row is; `longlead_log_lines(keys)` brings the rows of some schedule lines up to date. Who
writes thousands at once sets `longlead.log_rests` to `on` for its transaction and calls the function itself.
"""

COLUMNS = (
    "schedule_line_id", "site_id", "equipment_class_id", "seller_id", "maker_id", "answer_id", "shown", "is_late",
    "line_number", "schedule_number", "lots", "quantity", "contract_on", "required_on_site", "promised_on",
    "forecast_on", "delivered_on", "next_on", "float_days", "slip_days", "mw_days", "driver", "order_number",
    "site_code", "class_name", "seller_name", "maker_name", "tags", "blocks", "words",
)  # fmt: skip

# Of several lots the last open one speaks, with the worst float of the open ones.
VIEW = """
CREATE VIEW longlead_log_line AS
SELECT s.id AS schedule_line_id, s.site_id, l.equipment_class_id, o.seller_id, plant.company_id AS maker_id,
    f.id AS answer_id,
    CASE WHEN state.is_cancelled THEN 'cancelled' WHEN f.delivered_on IS NULL THEN 'open' ELSE 'delivered' END AS shown,
    coalesce(worst.days < 0 AND f.delivered_on IS NULL AND NOT state.is_cancelled, false) AS is_late,
    l.number AS line_number, s.number AS schedule_number, coalesce(answers.lots, 0)::integer AS lots, s.quantity,
    s.contract_on, f.required_on_site, f.promised_on, f.forecast_on, f.delivered_on, f.next_on,
    worst.days AS float_days, f.slip_days, GREATEST(f.recovers_mw_days, f.costs_mw_days) AS mw_days, f.driver,
    o.number AS order_number, site.code AS site_code, c.name AS class_name, seller.name AS seller_name,
    maker.name AS maker_name, served.tags, coalesce(served.blocks, '{}') AS blocks,
    lower(concat_ws(' ', o.number, seller.name, maker.name, l.description, array_to_string(served.tags, ' '))) AS words
FROM procurement_scheduleline s
JOIN procurement_orderline l ON l.id = s.line_id
JOIN procurement_purchaseorder o ON o.id = l.order_id
JOIN procurement_company seller ON seller.id = o.seller_id
JOIN procurement_equipmentclass c ON c.id = l.equipment_class_id
LEFT JOIN procurement_plant plant ON plant.id = l.plant_id
LEFT JOIN procurement_company maker ON maker.id = plant.company_id
LEFT JOIN sites_site site ON site.id = s.site_id
CROSS JOIN LATERAL (SELECT s.status = 'cancelled' OR l.status = 'cancelled' AS is_cancelled) state
LEFT JOIN LATERAL (
    SELECT answer.* FROM procurement_deliverylot lot
    JOIN procurement_lotforecast answer ON answer.lot_id = lot.id AND answer.current
    WHERE lot.schedule_line_id = s.id
    ORDER BY (answer.delivered_on IS NULL) DESC, answer.forecast_on DESC NULLS FIRST, lot.number DESC LIMIT 1
) f ON TRUE
LEFT JOIN LATERAL (
    SELECT count(*) AS lots, min(answer.float_days) FILTER (WHERE answer.delivered_on IS NULL) AS float_days
    FROM procurement_deliverylot lot
    JOIN procurement_lotforecast answer ON answer.lot_id = lot.id AND answer.current
    WHERE lot.schedule_line_id = s.id
) answers ON TRUE
CROSS JOIN LATERAL (
    SELECT CASE WHEN f.delivered_on IS NULL THEN answers.float_days ELSE f.float_days END AS days
) worst
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT r.tag ORDER BY r.tag) AS tags,
           array_agg(DISTINCT need.block_id) FILTER (WHERE need.block_id IS NOT NULL) AS blocks
    FROM procurement_deliverylot lot
    JOIN procurement_allocation alloc ON alloc.lot_id = lot.id AND alloc.ended_at IS NULL
    JOIN procurement_requirement r ON r.id = alloc.requirement_id
    LEFT JOIN procurement_groupneed need ON need.group_id = r.group_id
    WHERE lot.schedule_line_id = s.id
) served ON TRUE;
"""

# The lock first: of two that change the same line, the second then reads what the first has written. The plan is kept:
# for one line, planning takes ten times as long as doing it.
REFRESH = f"""
CREATE FUNCTION longlead_log_lines(keys uuid[]) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM 1 FROM procurement_logline kept WHERE kept.schedule_line_id = ANY(keys)
        ORDER BY kept.schedule_line_id FOR NO KEY UPDATE;
    INSERT INTO procurement_logline AS kept ({", ".join(COLUMNS)})
    SELECT {", ".join(f"v.{each}" for each in COLUMNS)}
    FROM (SELECT DISTINCT unnest(keys) AS key) wanted
    -- OFFSET keeps it one key at a time by the indexes, also where a table is too young to have statistics.
    CROSS JOIN LATERAL (SELECT * FROM longlead_log_line line WHERE line.schedule_line_id = wanted.key OFFSET 0) v
    ORDER BY v.schedule_line_id
    ON CONFLICT (schedule_line_id) DO UPDATE SET {", ".join(f"{each} = excluded.{each}" for each in COLUMNS[1:])}
    WHERE ({", ".join(f"kept.{each}" for each in COLUMNS[1:])})
        IS DISTINCT FROM ({", ".join(f"excluded.{each}" for each in COLUMNS[1:])});
END $$;
CREATE FUNCTION longlead_log_line_is_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM procurement_logline kept USING gone WHERE kept.schedule_line_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER rows_of_the_log_go AFTER DELETE ON procurement_scheduleline REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION longlead_log_line_is_gone();
"""

_OF_LOT = "SELECT d.schedule_line_id FROM changed r JOIN procurement_deliverylot d ON d.id = r.lot_id"
_OF_GROUP = """SELECT d.schedule_line_id FROM changed r JOIN procurement_requirement q ON q.group_id = r.group_id
    JOIN procurement_allocation a ON a.requirement_id = q.id JOIN procurement_deliverylot d ON d.id = a.lot_id"""
_OF_ORDER_LINE = "SELECT s.id FROM changed r JOIN procurement_scheduleline s ON s.line_id = r.id"
_OF_ORDER = """SELECT s.id FROM changed r JOIN procurement_orderline l ON l.order_id = r.id
    JOIN procurement_scheduleline s ON s.line_id = l.id"""
# Table -> the columns that the log shows of it, and the schedule lines of its changed rows, named r.
LINES_OF = {
    "procurement_scheduleline": (("site_id", "line_id", "number", "quantity", "contract_on", "status"), "SELECT r.id FROM changed r"),
    "procurement_orderline": (("number", "description", "equipment_class_id", "plant_id", "status", "order_id"), _OF_ORDER_LINE),
    "procurement_purchaseorder": (("number", "seller_id"), _OF_ORDER),
    "procurement_deliverylot": (("schedule_line_id", "number"), "SELECT r.schedule_line_id FROM changed r"),
    "procurement_lotforecast": ((
        "current", "required_on_site", "forecast_on", "float_days", "slip_days", "promised_on", "delivered_on", "next_on",
        "driver", "recovers_mw_days", "costs_mw_days",
    ), _OF_LOT),
    "procurement_allocation": (("ended_at",), _OF_LOT),
    "procurement_requirement": (("tag", "group_id"), """SELECT d.schedule_line_id FROM changed r
        JOIN procurement_allocation a ON a.requirement_id = r.id JOIN procurement_deliverylot d ON d.id = a.lot_id"""),
    "procurement_groupneed": (("block_id", "group_id"), _OF_GROUP),
    "procurement_company": (("name",), """SELECT s.id FROM changed r JOIN procurement_purchaseorder o ON o.seller_id = r.id
        JOIN procurement_orderline l ON l.order_id = o.id JOIN procurement_scheduleline s ON s.line_id = l.id
        UNION SELECT s.id FROM changed r JOIN procurement_plant p ON p.company_id = r.id
        JOIN procurement_orderline l ON l.plant_id = p.id JOIN procurement_scheduleline s ON s.line_id = l.id"""),
    "procurement_plant": (("company_id",), """SELECT s.id FROM changed r JOIN procurement_orderline l ON l.plant_id = r.id
        JOIN procurement_scheduleline s ON s.line_id = l.id"""),
    "procurement_equipmentclass": (("name",), """SELECT s.id FROM changed r
        JOIN procurement_orderline l ON l.equipment_class_id = r.id JOIN procurement_scheduleline s ON s.line_id = l.id"""),
    "sites_site": (("code",), "SELECT s.id FROM changed r JOIN procurement_scheduleline s ON s.site_id = r.id"),
}  # fmt: skip
# Rows of the others have no schedule lines when they are made, and are not deleted while they have some.
_MADE = (
    "procurement_scheduleline",
    "procurement_deliverylot",
    "procurement_lotforecast",
    "procurement_allocation",
    "procurement_groupneed",
)
# What leads from a changed row to its lines, beside its own columns of the log.
_KEYS = {"procurement_lotforecast": ("lot_id",), "procurement_allocation": ("lot_id",)}
_UNMADE = ("procurement_deliverylot", "procurement_lotforecast", "procurement_groupneed")


def _keep(table: str, columns: tuple[str, ...], lines: str) -> str:
    name = f"longlead_log_{table}"
    body = """DECLARE keys uuid[]; BEGIN
        IF current_setting('longlead.log_rests', true) = 'on' THEN RETURN NULL; END IF;
        SELECT array_agg(key) INTO keys FROM ({lines}) AS found(key);
        IF keys IS NOT NULL THEN PERFORM longlead_log_lines(keys); END IF;
        RETURN NULL;
    END"""
    # Of both sides: a lot that leaves a line changes two. A set operation, because a plan kept from an update of one row
    # would compare the two sides of a thousand row by row.
    of_side = ", ".join(dict.fromkeys(("id", *columns, *_KEYS.get(table, ()))))
    both = f"""((SELECT {of_side} FROM new_rows EXCEPT SELECT {of_side} FROM old_rows)
        UNION ALL (SELECT {of_side} FROM old_rows EXCEPT SELECT {of_side} FROM new_rows)) """
    parts = [
        f"""CREATE FUNCTION {name}_update() RETURNS trigger LANGUAGE plpgsql AS $$
            {body.format(lines=lines.replace("changed ", both))} $$;""",
        f"""CREATE TRIGGER rows_of_the_log_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION {name}_update();""",
    ]
    if table in _MADE:
        parts += [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body.format(lines=lines)} $$;",
            f"""CREATE TRIGGER rows_of_the_log_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed
                FOR EACH STATEMENT EXECUTE FUNCTION {name}();""",
        ]
    if table in _UNMADE:
        parts.append(
            f"""CREATE TRIGGER rows_of_the_log_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS changed
                FOR EACH STATEMENT EXECUTE FUNCTION {name}();"""
        )
    return "\n".join(parts)


STATEMENTS = [VIEW, REFRESH, *(_keep(table, *said) for table, said in LINES_OF.items())]
