"""Gates of a site, phase or block. A gate that follows an activity, or whose dates are in the ledger, keeps them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _

from procurement.domain import cells
from procurement.domain.import_table import Column, ReadRow
from procurement.models import ChainForecast
from procurement.services.forecasts import local_date
from procurement.services.import_columns import capitals, text, words
from procurement.services.import_records import Records
from procurement.services.import_rows import Undoing
from procurement.services.site_changes import recalculate_sites
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.models import Block, Chain, Gate, Milestone, Phase, Promise, Site
from sites.queries.among import among
from sites.services import chains
from sites.vocabulary import ChainKind, DurationBasis, GateKind, Party

_Place = tuple[str, str, str, str, str]  # site, phase, block, kind, name


def _place_of(gate: Gate) -> _Place:
    phase = gate.block.phase if gate.block else gate.phase
    return gate.site.code, phase.code if phase else "", gate.block.code if gate.block else "", gate.kind, gate.name


class Gates(Records[Gate]):
    site_path = "site_id"
    columns = (
        Column("site", ("Site", "Site code", "サイト"), capitals(20), required=True, names=True),
        Column("phase", ("Phase", "フェーズ"), capitals(20), names=True),
        Column("block", ("Block", "Hall", "棟"), capitals(20), names=True),
        Column("gate", ("Gate", "Milestone", "Event", "ゲート"), words(GateKind), required=True, names=True),
        Column("name", ("Name", "名称"), text(120), names=True),
        Column("planned_on", ("Planned", "Planned on", "Date", "Plan", "予定日"), cells.day),
        Column("actual_on", ("Actual", "Done on", "実績日"), cells.day),
    )

    related = ("chain",)

    def load(self, rows: Sequence[ReadRow]) -> None:
        sites = {row.values["site"] for row in rows}
        self._sites = {site.code: site for site in Site.objects.visible_to(self.actor).filter(code__in=sites)}
        keys = [site.pk for site in self._sites.values()]
        self._phases = {
            (each.site.code, each.code): each for each in Phase.objects.filter(site__in=keys).select_related("site")
        }
        self._blocks = {
            (each.phase.site.code, each.phase.code, each.code): each
            for each in Block.objects.filter(phase__site__in=keys).select_related("phase__site")
        }
        gates = Gate.objects.filter(site__in=keys).select_related("site", "phase", "block__phase", "chain")
        self._known: dict[_Place, Gate] = {_place_of(gate): gate for gate in gates}
        self._done: list[tuple[Milestone, date]] = []
        self._anchors: dict[UUID, Milestone] = {
            row.chain_id: row
            for row in Milestone.objects.filter(
                chain__in=[gate.chain_id for gate in self._known.values()], code=models.F("chain__anchor_code")
            )
        }
        anchors = [row.pk for row in self._anchors.values()]
        in_ledger = Promise.objects.filter(among("milestone", anchors))
        self._in_ledger = set(in_ledger.values_list("milestone", flat=True))

    def subject(self, row: ReadRow) -> str:
        said = row.values
        place = "/".join(filter(None, (said.get("phase"), said.get("block"))))
        return " ".join(filter(None, (said["site"], place, said["gate"], said.get("name"))))

    def _place(self, row: ReadRow) -> _Place:
        said = row.values
        return said["site"], said.get("phase", ""), said.get("block", ""), said["gate"], said.get("name", "")

    def find(self, row: ReadRow) -> Gate | None:
        if row.values["site"] not in self._sites:
            raise BadInput(_("There is no site %(code)s.") % {"code": row.values["site"]}, field="site")
        return self._known.get(self._place(row))

    def rows_of(self, actor: User) -> models.QuerySet[Gate]:
        anchors = Milestone.objects.filter(code=models.F("chain__anchor_code"))
        rows = Gate.objects.visible_to(actor).select_related("site", "phase", "block__phase", "chain")
        return rows.prefetch_related(models.Prefetch("chain__milestones", anchors)).order_by(
            "site__code", "phase__code", "block__code", "kind", "name"
        )

    def state(self, record: Gate) -> Mapping[str, object]:
        anchor = self._anchors.get(record.chain_id) or record.chain.milestones.all()[0]
        site, phase, block, kind, name = _place_of(record)
        return {
            "site": site,
            "phase": phase or None,
            "block": block or None,
            "gate": kind,
            "name": name or None,
            "planned_on": anchor.planned_on,
            "actual_on": anchor.actual_on,
        }

    def save(self, row: ReadRow, record: Gate | None) -> Gate:
        site = self._sites[row.values["site"]]
        self.check_may(Permission.SITE_WRITE, site_id=site.pk)
        said = row.values
        actual_on: date | None = said.get("actual_on")
        was_on = self._anchors[record.chain_id].actual_on if record else None
        if actual_on not in {None, was_on} and actual_on > local_date(site, self.now) + timedelta(days=1):
            raise BadInput(_("Nothing has happened in the future."), field="actual_on")
        if record is None:
            record = self._new(row, site)
        anchor = self._anchors[record.chain_id]
        planned_on = said.get("planned_on", anchor.planned_on)
        if planned_on != anchor.planned_on:
            self._check_free(record, anchor)
            anchor.planned_on = planned_on
            self.keep(anchor, names=["planned_on"])
        if actual_on is not None and actual_on != anchor.actual_on:
            self._done.append((anchor, actual_on))
        return record

    def write(self) -> None:
        super().write()
        chains.set_actuals(self._done, document=self.document, actor=self.actor, now=self.now)
        self._done.clear()

    def _new(self, row: ReadRow, site: Site) -> Gate:
        code, phase_code, block_code, kind, name = self._place(row)
        if "planned_on" not in row.values:
            raise BadInput(_("A new gate needs this."), field="planned_on")
        if block_code and not phase_code:
            raise BadInput(_("A block is named with its phase."), field="phase")
        phase = self._phases.get((code, phase_code))
        if phase_code and phase is None:
            raise BadInput(_("The site has no phase %(code)s.") % {"code": phase_code}, field="phase")
        block = self._blocks.get((code, phase_code, block_code))
        if block_code and block is None:
            raise BadInput(_("The phase has no block %(code)s.") % {"code": block_code}, field="block")
        anchor_code = kind.upper()
        chain = Chain(kind=ChainKind.GATE, site=site, anchor_code=anchor_code)
        anchor = self._anchors[chain.pk] = Milestone(
            chain=chain, sequence=0, code=anchor_code, basis=DurationBasis.CALENDAR, responsible=Party.SITE,
            planned_on=row.values["planned_on"],
        )  # fmt: skip
        gate = Gate(site=site, phase=phase, block=block, kind=kind, name=name, chain=chain)
        self.keep(chain, anchor, gate)
        return gate

    def _check_free(self, gate: Gate, anchor: Milestone) -> None:
        if gate.activity_code:
            raise BadInput(_("It follows the site's schedule."), field="planned_on")
        if anchor.pk in self._in_ledger:
            raise BadInput(_("Its dates are in the ledger; state a new one on its page."), field="planned_on")

    def parts(self, records: Sequence[Gate]) -> Sequence[Sequence[models.Model]]:
        chains_of = [record.chain_id for record in records]
        anchors = Milestone.objects.filter(among("chain", chains_of), code=models.F("chain__anchor_code"))
        by_chain = {anchor.chain_id: anchor for anchor in anchors}
        return [(record, by_chain[record.chain_id]) for record in records]

    def withdraw(self, records: Sequence[Gate], undoing: Undoing) -> None:
        chains_of = [record.chain_id for record in records]
        ChainForecast.objects.filter(among("chain", chains_of)).delete()
        Gate.objects.filter(among("pk", [record.pk for record in records])).delete()
        Chain.objects.filter(among("pk", chains_of)).delete()

    def check_write(self, record: Gate) -> None:
        self.check_may(Permission.SITE_WRITE, site_id=record.site_id)

    def finish(self, records: Sequence[Gate], *, cause_key: str, cause_text: str) -> None:
        recalculate_sites(
            self.sites(records),
            actor=self.actor,
            cause_key=cause_key,
            cause_text=cause_text,
            now=self.now,
        )
