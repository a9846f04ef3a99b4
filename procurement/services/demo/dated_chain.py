"""A chain being written: its rows for the tables, and the same facts for the engine that fills in conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from procurement.services.demo.draft import Draft
from sites.accounts.models import User
from sites.domain import imprecise
from sites.domain.answerable import answers_for
from sites.domain.calendar import WorkingCalendar
from sites.domain.imprecise import ImpreciseDate
from sites.domain.schedule import ChainFacts, PromiseFacts, StepFacts
from sites.domain.statement import StatedDate, as_known_on, place_statement
from sites.models import Baseline, Chain, Milestone, Promise, Site, WorkCalendar
from sites.vocabulary import ChainKind, DurationBasis, Party, Precision, PromiseSource, ReasonCode


@dataclass(frozen=True, slots=True)
class StepPlan:
    """`calendar` None: the site's. `left_out_because` makes the step not applicable."""

    code: str
    days: int
    basis: DurationBasis
    calendar: WorkCalendar | None
    responsible: Party
    left_out_because: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """What one vendor said on one day. `conditional_on` is what it named itself, by step."""

    stated_on: date
    dates: Mapping[str, ImpreciseDate]
    source: PromiseSource
    document: str = ""
    reason_code: ReasonCode = ReasonCode.NOT_STATED
    note: str = ""
    conditional_on: Mapping[str, date] | None = None


def said(day: date, precision: Precision) -> ImpreciseDate:
    """The period of this precision that holds the day, as a vendor would name it."""
    week = day.isocalendar()
    spelled = {
        Precision.DAY: day.isoformat(),
        Precision.WEEK: f"{week.year:04}-W{week.week:02}",
        Precision.THIRD: f"{day:%Y-%m}-T{min(3, (day.day - 1) // 10 + 1)}",
        Precision.MONTH: f"{day:%Y-%m}",
        Precision.QUARTER: f"{day.year:04}-Q{(day.month + 2) // 3}",
        Precision.TBD: "",
    }
    return imprecise.read(spelled[precision], precision)


def planned_dates(
    draft: Draft, steps: Sequence[StepPlan], starts_on: date, site_calendar: WorkingCalendar
) -> dict[str, date]:
    """Every applicable step by its duration alone, from the first one's date."""
    dates: dict[str, date] = {}
    on = starts_on
    for place, step in enumerate(each for each in steps if not each.left_out_because):
        if place:
            calendar = draft.working(step.calendar) if step.calendar else site_calendar
            on = calendar.forward(on, step.days, step.basis)
        dates[step.code] = on
    return dates


class DatedChain:
    """`steps` and `starts_on` give the first baseline; what happened is told before what was stated."""

    def __init__(
        self,
        draft: Draft,
        name: str,
        *,
        kind: ChainKind,
        site: Site | None,
        site_calendar: WorkingCalendar,
        steps: Sequence[StepPlan],
        starts_on: date,
        cause: str,
        author: User,
        anchor: str = "ON_SITE",
        planned_on: date | None = None,
    ) -> None:
        self.draft = draft
        self.name = name
        self.author = author
        self.baseline = planned_dates(draft, steps, starts_on, site_calendar)
        self.row = draft.add(Chain(id=draft.key("chain", name), kind=kind, site=site, anchor_code=anchor))
        self.milestones: dict[str, Milestone] = {}
        self.statements: dict[UUID, list[Promise]] = {}
        for place, step in enumerate(steps, start=1):
            self.milestones[step.code] = draft.add(
                Milestone(
                    id=draft.key("milestone", name, step.code),
                    chain=self.row,
                    sequence=place * 10,
                    code=step.code,
                    duration_days=step.days if place > 1 else 0,
                    basis=step.basis,
                    calendar=step.calendar,
                    applicable=not step.left_out_because,
                    not_applicable_reason=step.left_out_because,
                    planned_on=planned_on if place == 1 else None,
                    responsible=step.responsible,
                )
            )
        self.rebaseline(self.baseline, cause=cause, author=author)
        self._facts = ChainFacts(as_of=draft.today, site_calendar=site_calendar, anchor_step=anchor, steps=())
        self._steps = {
            step.code: StepFacts(
                code=step.code,
                duration_days=step.days if place else 0,
                basis=step.basis,
                calendar=draft.working(step.calendar) if step.calendar else None,
                applicable=not step.left_out_because,
                baseline_on=self.baseline.get(step.code),
                planned_on=planned_on if not place else None,
            )
            for place, step in enumerate(steps)
        }

    @property
    def facts(self) -> ChainFacts:
        return replace(self._facts, steps=tuple(self._steps.values()))

    def rebaseline(self, dates: Mapping[str, date], *, cause: str, author: User, version: int = 1) -> None:
        self.draft.add(
            Baseline(
                id=self.draft.key("baseline", self.name, version),
                chain=self.row,
                version=version,
                dates={code: on.isoformat() for code, on in dates.items()},
                cause=cause,
                author=author,
            )
        )

    @property
    def codes(self) -> list[str]:
        """The applicable steps, in order."""
        return list(self.baseline)

    def happened(self, code: str, on: date, *, by: User, document: str = "") -> None:
        row = self.milestones[code]
        row.actual_on = on
        row.actual_recorded_at = self.draft.instant(on, 10)
        row.actual_recorded_by = by
        row.actual_document = document
        self._replace(code, actual_on=on)

    def actual(self, code: str) -> date | None:
        return self.milestones[code].actual_on

    def next_open(self) -> str | None:
        """The first step not done yet; a later actual implies the ones before it."""
        done = [place for place, code in enumerate(self.codes) if self.actual(code)]
        ahead = self.codes[done[-1] + 1 :] if done else self.codes
        return ahead[0] if ahead else None

    def pinned(self, code: str, on: date, *, set_on: date, by: User, reason: str) -> None:
        row = self.milestones[code]
        row.locked_on, row.lock_reason, row.locked_by = on, reason, by
        row.locked_at = self.draft.instant(set_on)
        self._replace(code, locked_on=on, lock_set_on=set_on)

    def state(self, statement: Statement, *, by: User) -> None:
        """Write the rows of one statement, each conditional on the step before as that statement leaves it."""
        known = as_known_on(self.facts, statement.stated_on)
        conditions = statement.conditional_on or {}
        stated = [StatedDate(code, day, conditions.get(code)) for code, day in statement.dates.items()]
        statement_id = self.draft.key("statement", self.name, statement.stated_on)
        for placed in place_statement(known, stated):
            milestone = self.milestones[placed.step]
            place = len(self._ledger(placed.step)) + 1
            row = self.draft.add(
                Promise(
                    id=self.draft.key("promise", self.name, placed.step, place),
                    milestone=milestone,
                    place=place,
                    value=placed.said.value,
                    precision=placed.said.precision,
                    counts_on=placed.said.counts_on,
                    stated_on=statement.stated_on,
                    recorded_at=self.draft.instant(statement.stated_on, 11),
                    recorded_by=by,
                    statement_id=statement_id,
                    conditional_on=placed.conditional_on,
                    source=statement.source,
                    document=statement.document,
                    reason_code=statement.reason_code,
                    responsible=answers_for(statement.reason_code, Party(milestone.responsible)),
                    note=statement.note,
                )
            )
            self._learn(placed.step, row, placed.said)

    def copy_ledger(self, other: "DatedChain", until: date) -> None:
        """What a lot split off brings along: its actuals and promises up to the day of the split."""
        for code, theirs in other.milestones.items():
            if theirs.actual_on and theirs.actual_on <= until and theirs.actual_recorded_by:
                self.happened(code, theirs.actual_on, by=theirs.actual_recorded_by, document=theirs.actual_document)
        rows = (row for ledger in other.statements.values() for row in ledger)
        for row in sorted(rows, key=lambda each: (each.recorded_at, each.place)):
            if row.stated_on > until:
                continue
            code = row.milestone.code
            copied = {
                each.attname: getattr(row, each.attname)
                for each in Promise._meta.concrete_fields
                if each.attname not in {"id", "created_at", "milestone_id", "copied_from_id"}
            }
            copy = self.draft.add(
                Promise(
                    id=self.draft.key("promise", self.name, code, row.place),
                    milestone=self.milestones[code],
                    copied_from=row,
                    **copied,
                )
            )
            self._learn(code, copy, imprecise.read(row.value, Precision(row.precision)))

    def _ledger(self, code: str) -> list[Promise]:
        return self.statements.setdefault(self.milestones[code].pk, [])

    def _learn(self, code: str, row: Promise, day: ImpreciseDate) -> None:
        self._ledger(code).append(row)
        known = PromiseFacts(
            id=str(row.pk),
            said=day,
            stated_on=row.stated_on,
            recorded_at=row.recorded_at,
            conditional_on=row.conditional_on,
        )
        self._replace(code, promises=(*self._steps[code].promises, known))

    def _replace(self, code: str, **changes: Any) -> None:
        self._steps[code] = replace(self._steps[code], **changes)
