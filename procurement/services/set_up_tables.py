"""The set-up lists: which columns each has, and what makes a row of it right."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import CharField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Concat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from procurement.models import (
    ChainStep,
    ChainTemplate,
    Company,
    Contact,
    EquipmentClass,
    GroupNeed,
    OrderLine,
    Plant,
    PurchaseOrder,
    RedundancyGroup,
)
from procurement.services.set_up_columns import (
    Rows,
    Table,
    by,
    capitals,
    chosen,
    column,
    day,
    figure,
    flag,
    named,
    number,
    path,
    text,
    whole,
    within,
    yes_no,
    zone,
)
from procurement.vocabulary import CalendarOf
from sites.accounts.models import User, UserKind
from sites.accounts.permissions import Role
from sites.domain.calendar import known_codes
from sites.domain.errors import BadInput
from sites.models import Absence, Assignment, Block, Closure, Desk, Membership, Phase, Site, WorkCalendar
from sites.vocabulary import (
    AssignmentScope,
    BlockPolicy,
    Discipline,
    DurationBasis,
    Party,
    ScopeKind,
    SiteStatus,
)

_PERSON = column("person", _("Person (user name)"), named(User, "username"), by("username"))
_SITE = column("site", _("Site"), named(Site, "code"), by("code"))
_NAME = column("name", _("Name"), text(160))
_FROM = column("from_on", _("From"), day)
_UNTIL = column("until_on", _("Until"), day)


def _line(said: str) -> UUID | None:
    """As ORDER/LINE; a number of an order may hold a slash itself."""
    order, _slash, line = said.rpartition("/")
    if not (line.isascii() and line.isdigit() and len(line) < 7):
        return None
    return OrderLine.objects.filter(order__number=order, number=int(line)).values_list("pk", flat=True).first()


_SUBJECTS: Final[Mapping[str, Callable[[str], UUID | None]]] = {
    AssignmentScope.EQUIPMENT_CLASS: lambda said: _key(EquipmentClass.objects.filter(code=said)),
    AssignmentScope.COMPANY: lambda said: _key(Company.objects.filter(code=said)),
    AssignmentScope.ORDER: lambda said: _key(PurchaseOrder.objects.filter(number=said)),
    AssignmentScope.ORDER_LINE: _line,
}


def _key(rows: Any) -> UUID | None:
    found: UUID | None = rows.values_list("pk", flat=True).first()
    return found


def _duties(rows: Rows) -> Rows:
    """With the `subject` as it is written: a code, an order's number, or ORDER/LINE."""
    own = OuterRef("subject_id")
    line = Concat("order__number", Value("/"), "number", output_field=CharField())
    told: Rows = rows.annotate(
        subject=Coalesce(
            Subquery(EquipmentClass.objects.filter(pk=own).values("code")),
            Subquery(Company.objects.filter(pk=own).values("code")),
            Subquery(PurchaseOrder.objects.filter(pk=own).values("number")),
            Subquery(OrderLine.objects.filter(pk=own).values(said=line)),
            Value(""),
        )
    )
    return told


def _duty(values: dict[str, Any]) -> None:
    find = _SUBJECTS.get(values["scope"])
    values["subject_id"] = None
    if find is None and values["subject"]:
        raise BadInput(gettext("Leave this empty for a site or a discipline."), field="subject")
    if find is None:
        return
    if not values["subject"]:
        raise BadInput(gettext("This is needed."), field="subject")
    values["subject_id"] = find(values["subject"])
    if values["subject_id"] is None:
        raise BadInput(gettext("There is no %(what)s.") % {"what": f"“{values['subject']}”"}, field="subject")


_PEOPLE: Final = (
    Table(
        "desks", _("Desks"), _("A team in one place that answers for several sites."), Desk,
        (column("code", _("Code"), text(20)), _NAME,
         column("time_zone", _("Time zone"), zone)),
        ("code",),
    ),
    Table(
        "people", _("People"),
        _("Who may log in. A new person chooses a password with “Forgotten?” on the log-in page."), User,
        (column("username", _("User name"), text(150)), _NAME,
         column("email", _("E-mail"), text(254)),
         column("language", _("Language"), lambda said: said or "en"),
         column("time_zone", _("Time zone"), zone),
         column("is_active", _("May log in"), flag, yes_no)),
        ("username",),
        scope=lambda rows: rows.filter(kind=UserKind.PERSON),
    ),
    Table(
        "memberships", _("Rights"),
        _("Which role a person holds where: in the portfolio, at a desk's sites, or at one site."),
        Membership,
        (_PERSON, chosen("role", _("Role"), Role),
         chosen("scope", _("Where"), ScopeKind),
         column("desk", _("Desk"), named(Desk, "code"), by("code")), _SITE),
        ("person", "role", "scope", "desk", "site"), removable=True,
    ),
    Table(
        "assignments", _("Duties"),
        _("Who is told: the holder of a role for a site, a discipline, a class, a vendor, an order or a line, at one "
          "site or everywhere. The narrowest is told first."),
        Assignment,
        (_PERSON, chosen("role", _("Role"), Role),
         chosen("scope", _("For"), AssignmentScope), _SITE,
         chosen("discipline", _("Discipline"), Discipline, ""),
         column("subject", _("Class, vendor (code), order or ORDER/LINE"), text(80)),
         _FROM, _UNTIL),
        ("person", "role", "scope", "site", "discipline", "subject"), removable=True, scope=_duties, settle=_duty,
    ),
    Table(
        "absences", _("Absences"), _("Who is away, and who gets their mail meanwhile."),
        Absence,
        (_PERSON, _FROM, _UNTIL,
         column("deputy", _("Deputy (user name)"), named(User, "username"), by("username"))),
        ("person", "from_on"), removable=True,
    ),
    Table(
        "companies", _("Companies"), _("Who sells, who makes, or both."), Company,
        (column("code", _("Code"), text(40)), _NAME,
         column("country", _("Country"), text(2)),
         column("sells", _("Sells"), flag, yes_no),
         column("makes", _("Makes"), flag, yes_no),
         column("active", _("Active"), flag, yes_no)),
        ("code",),
    ),
    Table(
        "contacts", _("Contacts"), _("Whom to call at a company."), Contact,
        (column("company", _("Company (code)"), named(Company, "code"), by("code")), _NAME,
         column("email", _("E-mail"), text(254)),
         column("phone", _("Phone"), text(40)),
         column("language", _("Language"), lambda said: said or "en")),
        ("company", "name"), removable=True,
    ),
)  # fmt: skip


def _frozen(row: Any, before: Any) -> None:
    """A baseline that is set is moved by an approver alone."""
    if before is not None and before.rfs_baseline_on not in {None, row.rfs_baseline_on}:
        raise BadInput(gettext("The baseline is frozen; an approver moves it."), field="rfs_baseline_on")


def _calendar(row: Any, before: Any) -> None:
    if row.code not in known_codes():
        raise BadInput(gettext("No calendar is known for this code; it is as JP, AU-NSW or DE-HE."), field="code")


def _group(row: Any, before: Any) -> None:
    """Units of one class are no stand-in for those of another."""
    if before is not None and before.equipment_class_id != row.equipment_class_id and row.requirements.exists():
        raise BadInput(gettext("Units of the class so far are in it."), field="equipment_class")


def _need(row: Any, before: Any) -> None:
    if row.block.phase.site_id != row.group.site_id:
        raise BadInput(gettext("The group is of another site."), field="group")


def _class(row: Any, before: Any) -> None:
    anchor = row.template.anchor_code
    if not row.template.steps.filter(code=anchor).exists():
        raise BadInput(
            gettext("This chain has no step %(code)s yet, on which its dates hang.") % {"code": anchor},
            field="template",
        )


def _chain(row: Any, before: Any) -> None:
    if before is not None and before.anchor_code != row.anchor_code and not row.steps.filter(code=row.anchor_code):
        raise BadInput(gettext("The chain has no such step."), field="anchor_code")


def _of_calendar(calendar: Any) -> Collection[UUID]:
    """Whose own days are counted by it, and where a step of a chain is."""
    hang = Q(calendar=calendar) | Q(chains__milestones__calendar=calendar)
    return set(Site.objects.filter(hang).values_list("pk", flat=True))


_CLASS = column("equipment_class", _("Class (code)"), named(EquipmentClass, "code"), by("code"))
_CALENDAR = column("calendar", _("Calendar (name)"), named(WorkCalendar, "name"), by("name"))
_MEGAWATTS = number(places=3, most="100000")
_CODE = column("code", _("Code"), capitals(20))

_PLACES: Final = (
    Table(
        "calendars", _("Calendars"),
        _("Working days of a country or part of it, to which the closures of a site or plant are added."),
        WorkCalendar,
        (_NAME, column("code", _("Code, as JP or AU-NSW"), capitals(10))),
        ("name",), check=_calendar, sites=_of_calendar,
    ),
    Table(
        "closures", _("Closures"), _("Days on which nobody works although the calendar says so, both ends included."),
        Closure,
        (_CALENDAR, _FROM, _UNTIL, column("reason", _("Reason"), text(120))),
        ("calendar", "from_on"), removable=True, sites=lambda row: _of_calendar(row.calendar),
    ),
    Table(
        "sites", _("Sites"), _("Where something is built, and what counts its days and its money."), Site,
        (_CODE, _NAME, column("desk", _("Desk (code)"), named(Desk, "code"), by("code")),
         column("country", _("Country"), capitals(2)), _CALENDAR, column("time_zone", _("Time zone"), zone),
         column("currency", _("Currency"), capitals(3)),
         chosen("status", _("Status"), SiteStatus, SiteStatus.CONSTRUCTION),
         column("grid_frequency_hz", _("Grid frequency, Hz"), whole(60, 50)),
         column("latitude", _("Latitude"), number(places=5, most="90"), figure),
         column("longitude", _("Longitude"), number(places=5, most="180"), figure),
         column("settlement_zone", _("Settlement zone"), text(40)),
         column("depends_on_contracted_supply", _("Needs an agreement to draw power"), flag, yes_no),
         column("delivery_address", _("Delivery address"), text(400))),
        ("code",), sites=lambda row: (row.pk,),
    ),
    Table(
        "phases", _("Phases"), _("A part of a site that is built together, with its megawatts."), Phase,
        (_SITE, _CODE, _NAME, column("it_mw", _("MW IT"), _MEGAWATTS, figure),
         column("gross_mw", _("MW gross"), _MEGAWATTS, figure), column("rfs_baseline_on", _("RFS baseline"), day)),
        ("site", "code"), check=_frozen, sites=lambda row: (row.site_id,),
    ),
    Table(
        "blocks", _("Blocks"), _("A hall or power string: what is turned over by itself."), Block,
        (column("phase", _("Phase, as SITE/PHASE"), within(Phase, "site__code", "code"), path("site__code", "code")),
         _CODE, _NAME, column("it_mw", _("MW IT"), _MEGAWATTS, figure),
         column("rfs_baseline_on", _("RFS baseline"), day), column("rfs_plan_on", _("RFS plan"), day),
         column("rfs_actual_on", _("RFS actual"), day),
         chosen("policy", _("Counts when it"), BlockPolicy, BlockPolicy.CAN_CARRY)),
        ("phase", "code"), check=_frozen, sites=lambda row: (row.phase.site_id,), related=("phase__site",),
    ),
)  # fmt: skip

_EQUIPMENT: Final = (
    Table(
        "chains", _("Chains"), _("The usual steps of a kind of equipment, copied to each new delivery."),
        ChainTemplate,
        (column("code", _("Code"), text(40)), _NAME,
         column("anchor_code", _("Step on which its dates hang"), lambda said: (said or "ON_SITE").upper())),
        ("code",), check=_chain,
    ),
    Table(
        "steps", _("Steps of chains"), _("In their order, each with the days from the step before."), ChainStep,
        (column("template", _("Chain (code)"), named(ChainTemplate, "code"), by("code")),
         column("sequence", _("Place"), whole(999)), column("code", _("Step"), capitals(40)),
         column("duration_days", _("Days"), whole(3660, 0)),
         chosen("basis", _("Counted in"), DurationBasis, DurationBasis.CALENDAR),
         chosen("calendar_of", _("By the calendar of"), CalendarOf, CalendarOf.SITE),
         chosen("responsible", _("Who answers for it"), Party, Party.VENDOR)),
        ("template", "code"), removable=True,
    ),
    Table(
        "classes", _("Classes"), _("A kind of equipment with its chain, and its days on site."), EquipmentClass,
        (column("code", _("Code"), text(40)), _NAME, chosen("discipline", _("Discipline"), Discipline),
         column("template", _("Chain (code)"), named(ChainTemplate, "code"), by("code")),
         column("masterformat", _("MasterFormat"), text(16)),
         column("second_code_system", _("Second system"), text(20)),
         column("second_code", _("Second code"), text(40)),
         column("installation_days", _("Installation, working days"), whole(3660, 0)),
         column("commissioning_days", _("Commissioning, working days"), whole(3660, 0))),
        ("code",), check=_class,
        sites=lambda row: set(row.requirements.values_list("site_id", flat=True)),
    ),
    Table(
        "groups", _("Groups"), _("Units of one class at a site, of which a block needs so many."), RedundancyGroup,
        (_SITE, column("code", _("Code"), capitals(40)), _CLASS, _NAME),
        ("site", "code"), check=_group, sites=lambda row: (row.site_id,),
    ),
    Table(
        "needs", _("Needs"), _("How many units of a group a block needs to carry its load."), GroupNeed,
        (column("block", _("Block, as SITE/PHASE/BLOCK"), within(Block, "phase__site__code", "phase__code", "code"),
                path("phase__site__code", "phase__code", "code")),
         column("group", _("Group, as SITE/GROUP"), within(RedundancyGroup, "site__code", "code"),
                path("site__code", "code")),
         column("needed_units", _("Units"), whole(32767))),
        ("block", "group"), removable=True, check=_need, sites=lambda row: (row.group.site_id,),
        related=("block__phase__site", "group__site"),
    ),
    Table(
        "plants", _("Plants"), _("Where a company makes things, and what counts its days."), Plant,
        (column("company", _("Company (code)"), named(Company, "code"), by("code")),
         column("code", _("Code"), text(40)), _NAME, column("country", _("Country"), capitals(2)), _CALENDAR),
        ("company", "code"),
    ),
)  # fmt: skip

TABLES: Final[Mapping[str, Table]] = {
    table.kind: table for table in (*_PEOPLE[:1], *_PLACES, *_EQUIPMENT, *_PEOPLE[1:])
}
