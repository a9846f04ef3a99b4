"""Requirements by site and tag."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _

from procurement.domain import cells
from procurement.domain.import_table import Column, ReadRow
from procurement.domain.order_document import check_whole
from procurement.models import Allocation, EquipmentClass, RedundancyGroup, Requirement
from procurement.services.forecasts import Touched
from procurement.services.import_columns import capitals, code, number, text, unit, words
from procurement.services.import_records import Records
from procurement.services.import_rows import Undoing
from procurement.services.site_changes import recalculate_sites
from procurement.vocabulary import Criticality, RosRule
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.models import Block, Site
from sites.queries.among import among


class Requirements(Records[Requirement]):
    """A required date given here fixes it; one that follows the site's schedule is not overwritten."""

    site_path = "site_id"
    columns = (
        Column("site", ("Site", "Site code", "Project", "サイト"), capitals(20), required=True, names=True),
        Column("tag", ("Tag", "Equipment tag", "Tag No.", "Equipment No.", "機器番号"), code(60), required=True,
               names=True),
        Column("class", ("Class", "Equipment class", "Class code", "Geräteklasse", "機器分類"), code(40)),
        Column("description", ("Description", "Beschreibung", "名称"), text(200)),
        Column("block", ("Block", "Hall", "Phase/block", "棟"), capitals(41)),
        Column("quantity", ("Qty", "Quantity", "Menge", "数量"), number(places=3, least="0.001", most="10000000")),
        Column("unit", ("Unit", "UoM", "Einheit", "単位"), unit),
        Column("criticality", ("Criticality", "Priority", "重要度"), words(Criticality)),
        Column("group", ("Group", "Redundancy group"), capitals(40)),
        Column("required_on_site", ("Required on site", "ROS", "ROJ", "Needed on", "Bedarfstermin", "現地必要日"),
               cells.day),
    )  # fmt: skip

    def load(self, rows: Sequence[ReadRow]) -> None:
        sites = {row.values["site"] for row in rows}
        self._sites = {site.code: site for site in Site.objects.visible_to(self.actor).filter(code__in=sites)}
        keys = [site.pk for site in self._sites.values()]
        self._known = {
            (each.site.code, each.tag): each
            for each in Requirement.objects.filter(site__in=keys, tag__in={row.values["tag"] for row in rows})
            .select_related("site", "equipment_class", "block__phase", "group")
        }  # fmt: skip
        self._meant = set(
            Allocation.objects.filter(
                among("requirement", [each.pk for each in self._known.values()]), ended_at=None
            ).values_list("requirement", flat=True)
        )
        classes = {row.values["class"] for row in rows if "class" in row.values}
        self._classes = {each.code: each for each in EquipmentClass.objects.filter(code__in=classes)}
        self._blocks: dict[tuple[str, str], list[Block]] = defaultdict(list)
        for block in Block.objects.filter(phase__site__in=keys).select_related("phase__site"):
            site = block.phase.site.code
            self._blocks[site, block.code].append(block)
            self._blocks[site, f"{block.phase.code}/{block.code}"].append(block)
        self._groups = {
            (each.site.code, each.code): each
            for each in RedundancyGroup.objects.filter(site__in=keys).select_related("site")
        }

    def subject(self, row: ReadRow) -> str:
        return f"{row.values['site']} {row.values['tag']}"

    def find(self, row: ReadRow) -> Requirement | None:
        if row.values["site"] not in self._sites:
            raise BadInput(_("There is no site %(code)s.") % {"code": row.values["site"]}, field="site")
        return self._known.get((row.values["site"], row.values["tag"]))

    def rows_of(self, actor: User) -> models.QuerySet[Requirement]:
        rows = Requirement.objects.visible_to(actor).filter(cancelled_at__isnull=True)
        return rows.select_related("site", "equipment_class", "block__phase", "group").order_by("site__code", "tag")

    def state(self, record: Requirement) -> Mapping[str, object]:
        if record.cancelled_at is not None:
            return {}
        return {
            "site": record.site.code,
            "tag": record.tag,
            "class": record.equipment_class.code,
            "description": record.description,
            "block": f"{record.block.phase.code}/{record.block.code}" if record.block else None,
            "quantity": record.quantity,
            "unit": record.unit,
            "criticality": record.criticality,
            "group": record.group.code if record.group else None,
            "required_on_site": record.required_on_site,
        }

    def said(self, row: ReadRow) -> Mapping[str, object]:
        """A block by its code alone is meant with its phase."""
        blocks = self._blocks.get((row.values["site"], row.values.get("block", "")), [])
        if len(blocks) != 1:
            return row.values
        return {**row.values, "block": f"{blocks[0].phase.code}/{blocks[0].code}"}

    def save(self, row: ReadRow, record: Requirement | None) -> Requirement:
        site = self._sites[row.values["site"]]
        self.check_may(Permission.REQUIREMENT_WRITE, site_id=site.pk)
        said = row.values
        if record is None:
            if "class" not in said:
                raise BadInput(_("A new requirement needs this."), field="class")
            record = Requirement(site=site, tag=said["tag"])
        record.cancelled_at = None
        self._take_class(record, said)
        for name in ("description", "quantity", "unit", "criticality"):
            if name in said:
                setattr(record, name, said[name])
        check_whole(record.quantity, record.unit, "quantity")
        self._take_block(record, said)
        self._take_group(record, said)
        self._take_date(record, said)
        self.keep(record)
        return record

    def _take_class(self, record: Requirement, said: Mapping[str, str]) -> None:
        if "class" not in said:
            return
        found = self._classes.get(said["class"])
        if found is None:
            raise BadInput(_("There is no class %(code)s.") % {"code": said["class"]}, field="class")
        if record.equipment_class_id not in {None, found.pk} and record.pk in self._meant:
            raise BadInput(_("Units of the class so far are meant for it."), field="class")
        record.equipment_class = found

    def _take_block(self, record: Requirement, said: Mapping[str, str]) -> None:
        if "block" not in said:
            return
        found = self._blocks.get((said["site"], said["block"]), [])
        if not found:
            raise BadInput(_("The site has no block %(code)s.") % {"code": said["block"]}, field="block")
        if len(found) > 1:
            raise BadInput(
                _("Several phases have a block %(code)s; write PHASE/BLOCK.") % {"code": said["block"]}, field="block"
            )
        record.block, record.phase = found[0], found[0].phase

    def _take_group(self, record: Requirement, said: Mapping[str, str]) -> None:
        if "group" in said:
            found = self._groups.get((said["site"], said["group"]))
            if found is None:
                raise BadInput(_("The site has no group %(code)s.") % {"code": said["group"]}, field="group")
            record.group = found
        if record.group is None:
            return
        if record.group.equipment_class_id != record.equipment_class_id:
            raise BadInput(_("The group is of another class."), field="group")
        if record.quantity != 1 or record.unit != "EA":
            raise BadInput(_("Only single units join a group."), field="quantity")

    def _take_date(self, record: Requirement, said: Mapping[str, Any]) -> None:
        on: date | None = said.get("required_on_site")
        if on is None or on == record.required_on_site:
            return
        if record.ros_rule == RosRule.ANCHORED:
            raise BadInput(
                _("It follows the site's schedule; fix the date on its page first."), field="required_on_site"
            )
        record.ros_rule, record.ros_fixed_on = RosRule.FIXED, on

    def withdraw(self, records: Sequence[Requirement], undoing: Undoing) -> None:
        keys = [record.pk for record in records]
        live: set[models.Model] = set(Allocation.objects.filter(among("requirement", keys), ended_at=None))
        if live:
            raise models.ProtectedError(_("Units are meant for it."), live)
        Requirement.objects.filter(among("pk", keys)).update(cancelled_at=undoing.now)

    def check_write(self, record: Requirement) -> None:
        self.check_may(Permission.REQUIREMENT_WRITE, site_id=record.site_id)

    def finish(self, records: Sequence[Requirement], *, cause_key: str, cause_text: str) -> None:
        by_site: dict[UUID, set[UUID]] = defaultdict(set)
        for record in records:
            by_site[record.site_id].add(record.pk)
        for site_id in sorted(by_site):
            recalculate_sites(
                [site_id],
                actor=self.actor,
                cause_key=cause_key,
                cause_text=cause_text,
                now=self.now,
                touched=Touched(requirements=frozenset(by_site[site_id])),
            )
