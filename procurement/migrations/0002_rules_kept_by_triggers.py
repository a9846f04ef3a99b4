"""Rules that span rows, kept by PostgreSQL itself: the order's version, and quantities that must add up."""

from django.core.management import call_command
from django.db import migrations

from procurement.migrations import _log_lines

ORDER_OF_LOT = """
    JOIN procurement_scheduleline s ON s.id = d.schedule_line_id
    JOIN procurement_orderline l ON l.id = s.line_id
"""
# Table -> the orders of its changed rows, named r.
ORDERS_OF = {
    "procurement_orderline": "SELECT r.order_id FROM changed r",
    "procurement_scheduleline": "SELECT l.order_id FROM changed r JOIN procurement_orderline l ON l.id = r.line_id",
    "procurement_deliverylot": f"SELECT l.order_id FROM changed d {ORDER_OF_LOT}",
    "procurement_receipt": f"SELECT l.order_id FROM changed r JOIN procurement_deliverylot d ON d.id = r.lot_id {ORDER_OF_LOT}",
    "procurement_shipmentnotice": f"SELECT l.order_id FROM changed r JOIN procurement_deliverylot d ON d.id = r.lot_id {ORDER_OF_LOT}",
    "sites_milestone": f"SELECT l.order_id FROM changed r JOIN procurement_deliverylot d ON d.chain_id = r.chain_id {ORDER_OF_LOT}",
    "sites_promise": f"""SELECT l.order_id FROM changed r JOIN sites_milestone m ON m.id = r.milestone_id
        JOIN procurement_deliverylot d ON d.chain_id = m.chain_id {ORDER_OF_LOT}""",
    "sites_promiseretraction": f"""SELECT l.order_id FROM changed r JOIN sites_promise p ON p.id = r.promise_id
        JOIN sites_milestone m ON m.id = p.milestone_id
        JOIN procurement_deliverylot d ON d.chain_id = m.chain_id {ORDER_OF_LOT}""",
    "sites_baseline": f"SELECT l.order_id FROM changed r JOIN procurement_deliverylot d ON d.chain_id = r.chain_id {ORDER_OF_LOT}",
}

VERSION = """
CREATE FUNCTION longlead_order_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    running bigint := pg_current_xact_id()::text::bigint;
BEGIN
    IF (to_jsonb(NEW) - 'version' - 'version_transaction') IS DISTINCT FROM (to_jsonb(OLD) - 'version' - 'version_transaction')
       OR NEW.version_transaction IS DISTINCT FROM OLD.version_transaction THEN
        NEW.version := OLD.version + CASE WHEN OLD.version_transaction = running THEN 0 ELSE 1 END;
        NEW.version_transaction := running;
    ELSE
        NEW.version := OLD.version;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER an_order_version_rises_once_a_transaction BEFORE UPDATE ON procurement_purchaseorder
    FOR EACH ROW EXECUTE FUNCTION longlead_order_version();
"""


def _touch(table: str, orders: str) -> str:
    name = f"longlead_touch_order_{table}"
    update = f"""
        UPDATE procurement_purchaseorder o SET version_transaction = pg_current_xact_id()::text::bigint
        WHERE o.version_transaction <> pg_current_xact_id()::text::bigint AND o.id IN ({orders});
        RETURN NULL;"""
    parts = [
        f"""CREATE FUNCTION {name}_one_side() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {update} END $$;""",
        f"""CREATE FUNCTION {name}_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            {update.replace("changed ", "(SELECT * FROM new_rows EXCEPT SELECT * FROM old_rows) ")} END $$;""",
        f"""CREATE TRIGGER order_version_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION {name}_one_side();""",
        f"""CREATE TRIGGER order_version_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION {name}_one_side();""",
        f"""CREATE TRIGGER order_version_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION {name}_update();""",
    ]
    return "\n".join(parts)


QUANTITIES = """
CREATE FUNCTION longlead_lots_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    target uuid;
    wanted numeric;
    have numeric;
BEGIN
    IF TG_TABLE_NAME = 'procurement_scheduleline' THEN
        target := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        target := OLD.schedule_line_id;
    ELSE
        target := NEW.schedule_line_id;
    END IF;
    SELECT quantity INTO wanted FROM procurement_scheduleline WHERE id = target;
    IF NOT FOUND THEN RETURN NULL; END IF;
    SELECT coalesce(sum(quantity), 0) INTO have FROM procurement_deliverylot WHERE schedule_line_id = target;
    IF have <> wanted THEN
        RAISE EXCEPTION 'lots hold % of a schedule line of %', have, wanted
            USING ERRCODE = 'check_violation', CONSTRAINT = 'lots_add_up_to_their_schedule_line';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER lots_add_up_to_their_schedule_line AFTER INSERT OR UPDATE OF quantity OR DELETE
    ON procurement_deliverylot DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION longlead_lots_add_up();
CREATE CONSTRAINT TRIGGER a_schedule_line_is_covered_by_its_lots AFTER INSERT OR UPDATE OF quantity
    ON procurement_scheduleline DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION longlead_lots_add_up();

CREATE FUNCTION longlead_allocations_fit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    limit_of_lot numeric;
    of_lot numeric;
    limit_of_requirement numeric;
    of_requirement numeric;
BEGIN
    SELECT quantity INTO limit_of_lot FROM procurement_deliverylot WHERE id = NEW.lot_id;
    SELECT coalesce(sum(quantity), 0) INTO of_lot
        FROM procurement_allocation WHERE lot_id = NEW.lot_id AND ended_at IS NULL;
    IF of_lot > limit_of_lot THEN
        RAISE EXCEPTION 'live allocations take % of a lot of %', of_lot, limit_of_lot
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocations_fit_their_lot';
    END IF;
    SELECT quantity INTO limit_of_requirement FROM procurement_requirement WHERE id = NEW.requirement_id;
    SELECT coalesce(sum(quantity), 0) INTO of_requirement
        FROM procurement_allocation WHERE requirement_id = NEW.requirement_id AND ended_at IS NULL;
    IF of_requirement > limit_of_requirement THEN
        RAISE EXCEPTION 'live allocations give % to a requirement of %', of_requirement, limit_of_requirement
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocations_fit_their_requirement';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER allocations_fit_their_lot_and_requirement AFTER INSERT OR UPDATE
    ON procurement_allocation DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION longlead_allocations_fit();

CREATE FUNCTION longlead_lot_holds_its_allocations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT coalesce(sum(quantity), 0) FROM procurement_allocation WHERE lot_id = NEW.id AND ended_at IS NULL)
       > (SELECT quantity FROM procurement_deliverylot WHERE id = NEW.id) THEN
        RAISE EXCEPTION 'a lot shrank below its live allocations'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocations_fit_their_lot';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER a_lot_holds_its_allocations AFTER UPDATE OF quantity
    ON procurement_deliverylot DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION longlead_lot_holds_its_allocations();

CREATE FUNCTION longlead_requirement_holds_its_allocations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT coalesce(sum(quantity), 0) FROM procurement_allocation WHERE requirement_id = NEW.id AND ended_at IS NULL)
       > (SELECT quantity FROM procurement_requirement WHERE id = NEW.id) THEN
        RAISE EXCEPTION 'a requirement shrank below its live allocations'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocations_fit_their_requirement';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER a_requirement_holds_its_allocations AFTER UPDATE OF quantity
    ON procurement_requirement DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION longlead_requirement_holds_its_allocations();

CREATE FUNCTION longlead_allocation_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an allocation ends, it is never deleted'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'an_allocation_is_never_deleted';
END $$;
CREATE TRIGGER an_allocation_is_never_deleted BEFORE DELETE ON procurement_allocation
    FOR EACH ROW EXECUTE FUNCTION longlead_allocation_is_kept();
"""

SAME_SITE = """
CREATE FUNCTION longlead_group_matches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.group_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM procurement_redundancygroup g
        WHERE g.id = NEW.group_id AND g.site_id = NEW.site_id AND g.equipment_class_id = NEW.equipment_class_id) THEN
        RAISE EXCEPTION 'a group holds requirements of its own site and class'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_group_holds_its_own_site_and_class';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER a_group_holds_its_own_site_and_class AFTER INSERT OR UPDATE
    ON procurement_requirement DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION longlead_group_matches();

CREATE FUNCTION longlead_need_matches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM procurement_redundancygroup g JOIN sites_block b ON b.id = NEW.block_id
        JOIN sites_phase p ON p.id = b.phase_id AND p.site_id = g.site_id WHERE g.id = NEW.group_id) THEN
        RAISE EXCEPTION 'a block needs groups of its own site'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_block_needs_groups_of_its_own_site';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER a_block_needs_groups_of_its_own_site AFTER INSERT OR UPDATE
    ON procurement_groupneed DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION longlead_need_matches();
"""

FALLBACKS = """
CREATE FUNCTION longlead_fallback_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.fallback_id IS NOT NULL AND EXISTS (
        WITH RECURSIVE further(id) AS (
            SELECT NEW.fallback_id
            UNION
            SELECT c.fallback_id FROM procurement_equipmentclass c JOIN further f ON c.id = f.id
            WHERE c.fallback_id IS NOT NULL)
        SELECT 1 FROM further WHERE id = NEW.id) THEN
        RAISE EXCEPTION 'a class falls back on itself'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fallbacks_of_classes_form_no_cycle';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fallbacks_of_classes_form_no_cycle AFTER INSERT OR UPDATE OF fallback_id
    ON procurement_equipmentclass DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION longlead_fallback_ends();
"""

# Row triggers do not see TRUNCATE.
NEVER_EMPTIED = """
CREATE FUNCTION longlead_ledger_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a ledger only grows'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'a_ledger_is_never_emptied';
END $$;
CREATE TRIGGER a_ledger_is_never_emptied BEFORE TRUNCATE ON sites_promise
    FOR EACH STATEMENT EXECUTE FUNCTION longlead_ledger_is_kept();
CREATE TRIGGER a_ledger_is_never_emptied BEFORE TRUNCATE ON sites_promiseretraction
    FOR EACH STATEMENT EXECUTE FUNCTION longlead_ledger_is_kept();
CREATE TRIGGER a_ledger_is_never_emptied BEFORE TRUNCATE ON sites_baseline
    FOR EACH STATEMENT EXECUTE FUNCTION longlead_ledger_is_kept();
"""


def make_cache_table(apps, schema_editor):
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("procurement", "0001_initial"), ("sites", "0001_initial")]

    operations = [
        migrations.RunSQL(VERSION, migrations.RunSQL.noop),
        *[migrations.RunSQL(_touch(table, orders), migrations.RunSQL.noop) for table, orders in ORDERS_OF.items()],
        migrations.RunSQL(QUANTITIES, migrations.RunSQL.noop),
        migrations.RunSQL(SAME_SITE, migrations.RunSQL.noop),
        migrations.RunSQL(FALLBACKS, migrations.RunSQL.noop),
        migrations.RunSQL(NEVER_EMPTIED, migrations.RunSQL.noop),
        *[migrations.RunSQL(each, migrations.RunSQL.noop) for each in _log_lines.STATEMENTS],
        migrations.RunPython(make_cache_table, migrations.RunPython.noop),
    ]
