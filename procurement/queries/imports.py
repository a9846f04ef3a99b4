"""Imports as their pages and the API show them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet

from procurement.models import Company, ImportBatch, ImportRow, ScheduleLine
from procurement.vocabulary import ProgressStep, RowOutcome
from sites.accounts.models import User

PAGE_ROWS: Final = 100
NEWEST: Final = 50


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows of a file had this outcome."""

    outcome: RowOutcome
    rows: int


@dataclass(frozen=True, slots=True)
class RowsPage:
    """`page` counts from 1. `left` are rows that undoing left as they were."""

    rows: Sequence[ImportRow]
    tallies: tuple[Tally, ...]
    left: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Progress:
    step: ProgressStep
    done: int
    total: int


def imports_in_sight(actor: User) -> QuerySet[ImportBatch]:
    """The newest first, without their bytes."""
    rows = ImportBatch.objects.visible_to(actor).defer("content").select_related("company", "uploaded_by")
    return rows.order_by("-created_at", "-pk")


def newest_imports(actor: User) -> list[ImportBatch]:
    """One query."""
    return list(imports_in_sight(actor)[:NEWEST])


def find_import(actor: User, key: UUID, *, with_content: bool = False) -> ImportBatch | None:
    """None where there is none in the actor's sight."""
    rows = ImportBatch.objects.visible_to(actor)
    if not with_content:
        rows = rows.defer("content")
    return rows.select_related("company", "uploaded_by", "applied_by", "undone_by").filter(pk=key).first()


def progress_of(batch: ImportBatch) -> Progress | None:
    """None where nothing of it goes on just now. One query."""
    subject = f"import:{batch.pk.hex}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name FROM pg_stat_activity"
            " WHERE datname = current_database() AND starts_with(application_name, %s)",
            [f"{subject} "],
        )
        found = cursor.fetchone()
    if found is None:
        return None
    _subject, step, done, total = found[0].split()
    return Progress(ProgressStep(step), int(done), int(total))


def company_by_code(code: str) -> Company | None:
    return Company.objects.filter(code=code).first()


def rows_in_order(batch: ImportBatch) -> Iterator[ImportRow]:
    """All but the blank ones, in the order of the file. One query, read piece by piece."""
    return batch.rows.exclude(outcome=RowOutcome.BLANK).order_by("number").iterator(chunk_size=2000)


def rows_page(batch: ImportBatch, *, outcome: str, page: int) -> RowsPage:
    """Rows in the order of the file, of one outcome or of all but the blank ones. Two queries."""
    counts = batch.rows.aggregate(
        left=Count("pk", filter=~Q(left="")),
        **{word.value: Count("pk", filter=Q(outcome=word)) for word in RowOutcome},
    )
    chosen = [outcome] if outcome in RowOutcome.values else [word for word in RowOutcome if word != RowOutcome.BLANK]
    pages = max(1, -(-sum(counts[word] for word in chosen) // PAGE_ROWS))
    page = min(max(1, page), pages)
    rows = batch.rows.filter(outcome__in=chosen).order_by("number")[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    return RowsPage(
        rows=list(rows),
        tallies=tuple(Tally(word, counts[word.value]) for word in RowOutcome),
        left=counts["left"],
        page=page,
        pages=pages,
    )


_Named = tuple[str, int, int | None]  # order, line, schedule line


def lines_named(actor: User, rows: Sequence[ImportRow]) -> Mapping[int, UUID]:
    """By the number of a row the schedule line that its cells name, or the first of their line; what the actor does not
    see is left out. One query, none where no row names one.
    """
    named = {row.number: name for row in rows if (name := _named(row.cells))}
    if not named:
        return {}
    stored = ScheduleLine.objects.visible_to(actor).filter(
        line__order__number__in={order for order, _line, _schedule in named.values()},
        line__number__in={line for _order, line, _schedule in named.values()},
    )
    found: dict[_Named, UUID] = {}
    for order, line, number, pk in stored.order_by("-number").values_list(
        "line__order__number", "line__number", "number", "pk"
    ):
        found[order, line, number] = found[order, line, None] = pk
    return {number: found[name] for number, name in named.items() if name in found}


def _named(cells: Mapping[str, str]) -> _Named | None:
    order, line, schedule = (cells.get(name, "").strip() for name in ("order", "line", "schedule"))
    if not order or not _is_number(line) or (schedule and not _is_number(schedule)):
        return None
    return order, int(line), int(schedule) if schedule else None


def _is_number(said: str) -> bool:
    return said.isascii() and said.isdecimal() and len(said) <= len("00000010")
