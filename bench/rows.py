"""What a run cannot do without: its facts fetched row by row, and its changed answers copied into a table."""

import time
from uuid import UUID

from django.db import connection, transaction

# Lots, gates, grid connections and their works.
_OF_SITE = "SELECT chain.id FROM sites_chain chain WHERE chain.site_id = %(site)s"
_FACTS = (
    "SELECT m.* FROM sites_milestone m WHERE m.chain_id IN (" + _OF_SITE + ")",
    "SELECT p.* FROM sites_promise p JOIN sites_milestone m ON m.id = p.milestone_id WHERE m.chain_id IN ("
    + _OF_SITE + ")",
    "SELECT b.* FROM sites_baseline b WHERE b.chain_id IN (" + _OF_SITE + ")",
    "SELECT lot.* FROM procurement_deliverylot lot WHERE lot.chain_id IN (" + _OF_SITE + ")",
    "SELECT a.* FROM procurement_allocation a JOIN procurement_requirement r ON r.id = a.requirement_id"
    " WHERE r.site_id = %(site)s AND a.ended_at IS NULL",
    "SELECT r.* FROM procurement_requirement r WHERE r.site_id = %(site)s",
    "SELECT a.* FROM procurement_rosanchor a JOIN procurement_requirement r ON r.id = a.requirement_id"
    " WHERE r.site_id = %(site)s",
    "SELECT f.id, f.lot_id, f.fingerprint, f.forecast_on FROM procurement_lotforecast f"
    " JOIN procurement_deliverylot lot ON lot.id = f.lot_id"
    " JOIN procurement_scheduleline line ON line.id = lot.schedule_line_id"
    " WHERE line.site_id = %(site)s AND f.current",
    "SELECT f.* FROM procurement_chainforecast f WHERE f.chain_id IN (" + _OF_SITE + ") AND f.current",
    "SELECT f.* FROM procurement_blockforecast f JOIN sites_block b ON b.id = f.block_id"
    " JOIN sites_phase p ON p.id = b.phase_id WHERE p.site_id = %(site)s AND f.current",
    "SELECT f.id, f.requirement_id, f.fingerprint, f.forecast_on FROM procurement_requirementforecast f"
    " JOIN procurement_requirement r ON r.id = f.requirement_id WHERE r.site_id = %(site)s AND f.current",
)  # fmt: skip
_ANSWERS = ("procurement_lotforecast", "procurement_requirementforecast", "procurement_blockforecast")


def reading(site: UUID) -> float:
    """Seconds."""
    started = time.perf_counter()
    with connection.cursor() as cursor:
        for statement in _FACTS:
            cursor.execute(statement, {"site": site})
            cursor.fetchall()
    return time.perf_counter() - started


def writing(run: UUID) -> float:
    """Seconds; the copies are taken back. The rows come out of the tables before the clock starts, and the rows that
    they replaced are marked as such once more.
    """
    taken = 0.0
    with transaction.atomic(), connection.cursor() as cursor:
        for table in _ANSWERS:
            with cursor.copy(f"COPY (SELECT * FROM {table} WHERE run_id = '{run}') TO STDOUT") as copied:
                rows = b"".join(bytes(block) for block in copied)
            subject = {"procurement_lotforecast": "lot_id", "procurement_requirementforecast": "requirement_id"}.get(
                table, "block_id"
            )
            cursor.execute(f"CREATE TEMPORARY TABLE copy_of_{table} (LIKE {table} INCLUDING ALL) ON COMMIT DROP")
            started = time.perf_counter()
            cursor.execute(
                f"UPDATE {table} f SET current = false WHERE f.current AND f.{subject} IN"
                f" (SELECT {subject} FROM {table} WHERE run_id = %s)",
                [run],
            )
            with cursor.copy(f"COPY copy_of_{table} FROM STDIN") as copy:
                copy.write(rows)
            taken += time.perf_counter() - started
        transaction.set_rollback(True)
    return taken
