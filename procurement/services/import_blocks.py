"""Blocks by site, phase and code. A phase that is not there yet is made where the row states its megawatts."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from procurement.domain import cells
from procurement.domain.import_table import Column, ReadRow
from procurement.models import BlockForecast, BlockProbability, DueDraw
from procurement.services.import_columns import capitals, number, text, words
from procurement.services.import_records import Records
from procurement.services.import_rows import Undoing
from procurement.services.site_changes import recalculate_sites
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.models import Block, Phase, Site
from sites.queries.among import among
from sites.vocabulary import BlockPolicy

_MEGAWATTS = number(places=3, most="100000")


class Blocks(Records[Block]):
    site_path = "phase__site_id"
    columns = (
        Column("site", ("Site", "Site code", "サイト"), capitals(20), required=True, names=True),
        Column("phase", ("Phase", "フェーズ"), capitals(20), required=True, names=True),
        Column("block", ("Block", "Hall", "Power string", "棟"), capitals(20), required=True, names=True),
        Column("name", ("Name", "名称"), text(80)),
        Column("it_mw", ("IT MW", "MW", "Capacity MW"), _MEGAWATTS),
        Column("phase_it_mw", ("Phase IT MW",), _MEGAWATTS),
        Column("rfs_baseline_on", ("RFS baseline", "Baseline RFS"), cells.day),
        Column("rfs_plan_on", ("RFS plan", "RFS", "Ready for service", "引渡日"), cells.day),
        Column("policy", ("Policy", "Redundancy policy"), words(BlockPolicy)),
    )

    related = ("phase",)

    def load(self, rows: Sequence[ReadRow]) -> None:
        sites = {row.values["site"] for row in rows}
        self._sites = {site.code: site for site in Site.objects.visible_to(self.actor).filter(code__in=sites)}
        keys = [site.pk for site in self._sites.values()]
        self._phases = {
            (each.site.code, each.code): each for each in Phase.objects.filter(site__in=keys).select_related("site")
        }
        self._known = {
            (each.phase.site.code, each.phase.code, each.code): each
            for each in Block.objects.filter(phase__site__in=keys).select_related("phase__site")
        }

    def subject(self, row: ReadRow) -> str:
        return f"{row.values['site']} {row.values['phase']}/{row.values['block']}"

    def find(self, row: ReadRow) -> Block | None:
        if row.values["site"] not in self._sites:
            raise BadInput(_("There is no site %(code)s.") % {"code": row.values["site"]}, field="site")
        return self._known.get((row.values["site"], row.values["phase"], row.values["block"]))

    def rows_of(self, actor: User) -> models.QuerySet[Block]:
        rows = Block.objects.visible_to(actor).select_related("phase__site")
        return rows.order_by("phase__site__code", "phase__code", "code")

    def state(self, record: Block) -> Mapping[str, object]:
        own = ("name", "it_mw", "rfs_baseline_on", "rfs_plan_on", "policy")
        return {name: getattr(record, name) for name in own} | {
            "site": record.phase.site.code,
            "phase": record.phase.code,
            "block": record.code,
            "phase_it_mw": record.phase.it_mw,
        }

    def save(self, row: ReadRow, record: Block | None) -> Block:
        site = self._sites[row.values["site"]]
        self.check_may(Permission.SITE_WRITE, site_id=site.pk)
        said = row.values
        if record is None:
            if "it_mw" not in said:
                raise BadInput(_("A new block needs this."), field="it_mw")
            record = Block(phase=self._phase(site, said), code=said["block"])
        if said.get("rfs_baseline_on", record.rfs_baseline_on) != record.rfs_baseline_on and record.rfs_baseline_on:
            raise BadInput(_("The baseline is frozen; an approver moves it."), field="rfs_baseline_on")
        if said.get("phase_it_mw", record.phase.it_mw) != record.phase.it_mw and not record._state.adding:
            record.phase.it_mw = said["phase_it_mw"]
            self.keep(record.phase, names=["it_mw"])
        for name in ("name", "it_mw", "rfs_baseline_on", "rfs_plan_on", "policy"):
            if name in said:
                setattr(record, name, said[name])
        self.keep(record)
        return record

    def _phase(self, site: Site, said: Mapping[str, Any]) -> Phase:
        key = (site.code, str(said["phase"]))
        if key not in self._phases:
            if "phase_it_mw" not in said:
                raise BadInput(_("The site has no such phase; state its megawatts to make it."), field="phase")
            self._phases[key] = Phase(site=site, code=key[1], it_mw=said["phase_it_mw"])
            self.keep(self._phases[key])
        return self._phases[key]

    def parts(self, records: Sequence[Block]) -> Sequence[Sequence[models.Model]]:
        return [(record, record.phase) for record in records]

    def withdraw(self, records: Sequence[Block], undoing: Undoing) -> None:
        keys = [record.pk for record in records]
        # What the engine answered about them goes with them; the runs stay.
        BlockForecast.objects.filter(among("block", keys)).delete()
        BlockProbability.objects.filter(among("block", keys)).delete()
        DueDraw.objects.filter(among("block", keys)).delete()
        Block.objects.filter(among("pk", keys)).delete()

    def check_write(self, record: Block) -> None:
        self.check_may(Permission.SITE_WRITE, site_id=record.phase.site_id)

    def finish(self, records: Sequence[Block], *, cause_key: str, cause_text: str) -> None:
        recalculate_sites(
            self.sites(records),
            actor=self.actor,
            cause_key=cause_key,
            cause_text=cause_text,
            now=self.now,
        )
