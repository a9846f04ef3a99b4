"""Files too large for the call that sends them: kept at once, and read, applied or undone apart from it.

What is to be done stands with the import. Whoever looks first does it, one at a time for each import; a worker that
dies leaves it to the next one.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from procurement.domain.cells import DayOrder, DecimalMark
from procurement.gateways import wake
from procurement.models import ImportBatch
from procurement.services import imports, progress, single
from procurement.services.imports import PreviewRenewed, Said
from procurement.vocabulary import ImportKind, ImportState, ImportWork
from sites.accounts.models import User
from sites.domain.errors import RuleBroken

logger = logging.getLogger(__name__)

# What a call may take on itself: about two seconds of work.
SMALL_BYTES: Final = 256 * 1024
SMALL_ROWS: Final = 1000
MOST_ATTEMPTS: Final = 3
NOTHING_SAID: Final = Said()


def stage(
    *,
    content: bytes,
    file_name: str,
    kind: ImportKind,
    stated_on: date,
    actor: User,
    now: datetime,
    company_id: UUID | None = None,
    said: Said = NOTHING_SAID,
    keep_unmapped: bool = False,
) -> ImportBatch:
    """As `imports.stage`; a large file is only kept, as received, and what is wrong with it is found later.

    Raises what `imports.stage` raises.
    """
    batch = imports.begin(
        content=content, file_name=file_name, kind=kind, stated_on=stated_on, actor=actor, company_id=company_id
    )
    if len(content) <= SMALL_BYTES:
        seen = imports.look(batch, said, keep_unmapped=keep_unmapped)
        if seen.rows <= SMALL_ROWS:
            return imports.preview(batch, seen, actor=actor, now=now)
    waiting = ImportBatch.objects.filter(
        uploaded_by=actor, file_sha256=batch.file_sha256, kind=kind, state=ImportState.RECEIVED, stated_on=stated_on
    ).first()
    if waiting is not None:
        return waiting
    batch.state, batch.header_row = ImportState.RECEIVED, 0
    with transaction.atomic():
        _ask(batch, ImportWork.PREVIEW, _words(said) | {"keep_unmapped": keep_unmapped}, actor, now)
    return batch


def map_columns(*, batch_id: UUID, said: Said, actor: User, now: datetime) -> ImportBatch:
    """As `imports.map_columns`; a large file is read apart from the call. Raises what that raises."""
    with transaction.atomic():
        batch = imports.locked(batch_id, actor)
        if len(batch.content) > SMALL_BYTES or batch.rows_read > SMALL_ROWS:
            imports.check_idle(batch)
            imports.check_mappable(batch)
            return _ask(batch, ImportWork.PREVIEW, _words(imports.as_mapped(batch, said)), actor, now)
    return imports.map_columns(batch_id=batch_id, said=said, actor=actor, now=now)


def apply(*, batch_id: UUID, actor: User, now: datetime) -> ImportBatch:
    """As `imports.apply`; many rows are written apart from the call. Raises what that raises."""
    with transaction.atomic():
        batch = imports.locked(batch_id, actor)
        if batch.rows_read > SMALL_ROWS:
            imports.check_idle(batch)
            imports.check_applicable(batch)
            return _ask(batch, ImportWork.APPLY, {}, actor, now)
    return imports.apply(batch_id=batch_id, actor=actor, now=now)


def undo(*, batch_id: UUID, reason: str, actor: User, now: datetime, force: bool = False) -> ImportBatch:
    """As `imports.undo`; many rows are taken back apart from the call. Raises what that raises."""
    with transaction.atomic():
        batch = imports.locked(batch_id, actor)
        if batch.rows_read > SMALL_ROWS:
            imports.check_idle(batch)
            imports.check_undoable(batch, reason)
            return _ask(batch, ImportWork.UNDO, {"reason": reason, "force": force}, actor, now)
    return imports.undo(batch_id=batch_id, reason=reason, actor=actor, now=now, force=force)


def _ask(batch: ImportBatch, work: ImportWork, said: Mapping[str, Any], actor: User, now: datetime) -> ImportBatch:
    batch.work, batch.work_by, batch.work_asked_at = work, actor, now
    batch.work_said = {**said, "language": translation.get_language() or "en"}
    batch.work_attempts, batch.work_rows, batch.problem = 0, None, ""
    batch.save()
    wake.work_after_commit()
    return batch


def _words(said: Said) -> dict[str, Any]:
    return {name: value for name, value in asdict(said).items() if value is not None}


def _said(words: Mapping[str, Any]) -> Said:
    return Said(
        sheet=words.get("sheet"),
        header_row=words.get("header_row"),
        columns=words.get("columns"),
        encoding=words.get("encoding"),
        day_order=DayOrder(words["day_order"]) if "day_order" in words else None,
        decimal_mark=DecimalMark(words["decimal_mark"]) if "decimal_mark" in words else None,
    )


# -- doing it ------------------------------------------------------------------------------------------------------


def do_all(
    *,
    now_fn: Callable[[], datetime],
    patience: timedelta = timedelta(0),
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Do what waits, the oldest first, and say how many were done; nothing younger than `patience`."""
    done = 0
    waiting = ImportBatch.objects.exclude(work="").filter(work_asked_at__lte=now_fn() - patience)
    for key in waiting.order_by("work_asked_at", "pk").values_list("pk", flat=True):
        if stopping():
            break
        with single.only_one(f"import:{key}") as mine:
            if mine:
                done += _do(key, now_fn)
    return done


def _do(key: UUID, now_fn: Callable[[], datetime]) -> bool:
    """Whether something was done. What breaks is tried again, a few times; what others were in the way of, until it
    is done.
    """
    with transaction.atomic():
        found = ImportBatch.objects.select_for_update(of=("self",)).filter(pk=key).exclude(work="")
        batch = found.select_related("company", "work_by").first()
        if batch is None:
            return False
        batch.work_attempts += 1
        batch.save(update_fields=["work_attempts"])
    if batch.work_attempts > MOST_ATTEMPTS:
        _give_up(batch, _("It was tried several times and could not be done. Send fewer rows at once."))
        return True
    with translation.override(batch.work_said.get("language", "en")):
        try:
            with progress.of(f"import:{batch.pk.hex}"):
                _WORK[ImportWork(batch.work)](batch, now_fn)
        except RuleBroken as refusal:
            _give_up(batch, f"{refusal.field}: {refusal.message}" if refusal.field else refusal.message)
        except DatabaseError as trouble:
            if single.others_were_in_the_way(trouble):
                ImportBatch.objects.filter(pk=key).update(work_attempts=F("work_attempts") - 1)
                logger.warning("Others hold what import %s needs; it is tried again.", key)
                return False
            connection.close_if_unusable_or_obsolete()
            raise
        except Exception:
            logger.exception("Work on import %s failed; it is tried again.", key)
    return True


def _preview(batch: ImportBatch, now_fn: Callable[[], datetime]) -> None:
    said = _said(batch.work_said)
    seen = imports.look(batch, said, keep_unmapped=batch.work_said.get("keep_unmapped", False))
    ImportBatch.objects.filter(pk=batch.pk).update(work_rows=seen.rows)
    with transaction.atomic():
        assert batch.work_by is not None  # a constraint says so
        _over(batch)
        imports.preview(batch, seen, actor=batch.work_by, now=now_fn())


def _apply(batch: ImportBatch, now_fn: Callable[[], datetime]) -> None:
    assert batch.work_by is not None
    with transaction.atomic():
        _over(batch).save(update_fields=_WORK_FIELDS)
        try:
            imports.apply(batch_id=batch.pk, actor=batch.work_by, now=now_fn())
        except PreviewRenewed as renewed:  # the new preview is to be kept
            ImportBatch.objects.filter(pk=batch.pk).update(problem=renewed.message)


def _undo(batch: ImportBatch, now_fn: Callable[[], datetime]) -> None:
    assert batch.work_by is not None
    said = batch.work_said
    with transaction.atomic():
        _over(batch).save(update_fields=_WORK_FIELDS)
        imports.undo(batch_id=batch.pk, reason=said["reason"], force=said["force"], actor=batch.work_by, now=now_fn())


_WORK: Final[Mapping[ImportWork, Callable[[ImportBatch, Callable[[], datetime]], None]]] = {
    ImportWork.PREVIEW: _preview,
    ImportWork.APPLY: _apply,
    ImportWork.UNDO: _undo,
}
_WORK_FIELDS: Final = ["work", "work_rows", "problem"]


def _over(batch: ImportBatch) -> ImportBatch:
    batch.work, batch.work_rows, batch.problem = "", None, ""
    return batch


def _give_up(batch: ImportBatch, why: str) -> None:
    """What was to be done is not, and the import says why. Of a file that was never read only its name stays."""
    stored = ImportBatch.objects.get(pk=batch.pk)
    _over(stored).problem = why[:500]
    if stored.state == ImportState.RECEIVED:
        stored.state, stored.content = ImportState.REFUSED, b""
    stored.save()
