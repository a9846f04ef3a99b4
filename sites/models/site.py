from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import pghistory
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.permissions import Permission, roles_with
from sites.accounts.row import Row, plausible_number
from sites.models.calendar import WorkCalendar
from sites.vocabulary import ScopeKind, SiteStatus

CODE = RegexValidator(r"^[A-Z0-9][A-Z0-9-]{0,19}$", _("Capital letters, digits and hyphens, at most 20."))


@pghistory.track()
class Desk(Row):
    """A team in one place that answers for several sites."""

    code = models.CharField(max_length=20, unique=True, validators=[CODE])
    name = models.CharField(max_length=80)
    time_zone = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.name


def holds_portfolio(actor: User, permission: Permission = Permission.SITE_VIEW) -> Exists:
    """For a filter: whether this person holds the permission over everything, sites yet unnamed included."""
    return Exists(
        actor.memberships.filter(scope=ScopeKind.PORTFOLIO, role__in=roles_with(permission), person__is_active=True)
    )


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see, looked up once for several statements: everything, or what belongs to these sites."""

    whole: bool
    sites: tuple[UUID, ...]

    @property
    def values(self) -> dict[str, object]:
        """For a statement that says `within_sql`."""
        return {"sees_all": self.whole, "seen_sites": list(self.sites)}


def within_sql(column: str) -> str:
    """As `within` of a query set, for a statement spelled by hand: that the site of this column is in sight."""
    return f"(%(sees_all)s OR {column} = ANY(%(seen_sites)s::uuid[]))"


def sight_of(actor: User) -> Sight:
    """One statement, two where it is not everything."""
    if User.objects.filter(holds_portfolio(actor), pk=actor.pk).exists():
        return Sight(whole=True, sites=())
    return Sight(whole=False, sites=tuple(Site.objects.visible_to(actor).values_list("pk", flat=True)))


class SiteQuerySet(models.QuerySet["Site"]):
    def visible_to(self, actor: User, permission: Permission = Permission.SITE_VIEW) -> "SiteQuerySet":
        """The sites at which this person holds a role that grants `permission`; none for a disabled account."""
        return self.allowed(actor, roles_with(permission))

    def allowed(self, actor: User, roles: Iterable[str]) -> "SiteQuerySet":
        if not actor.is_active:
            return self.none()
        held = actor.memberships.filter(role__in=list(roles))
        return self.filter(
            Exists(
                held.filter(
                    Q(scope=ScopeKind.PORTFOLIO)
                    | Q(scope=ScopeKind.DESK, desk=OuterRef("desk"))
                    | Q(scope=ScopeKind.SITE, site=OuterRef("pk"))
                )
            )
        )


@pghistory.track()
class Site(Row):
    code = models.CharField(max_length=20, unique=True, validators=[CODE])
    name = models.CharField(max_length=120)
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, related_name="sites")
    country = models.CharField(max_length=2, help_text=_("ISO 3166-1"))
    calendar = models.ForeignKey(WorkCalendar, on_delete=models.PROTECT, related_name="+")
    time_zone = models.CharField(max_length=64)
    currency = models.CharField(max_length=3, help_text=_("ISO 4217"))
    latitude = models.DecimalField(max_digits=8, decimal_places=5, null=True, blank=True)
    longitude = models.DecimalField(max_digits=8, decimal_places=5, null=True, blank=True)
    grid_frequency_hz = models.PositiveSmallIntegerField(default=50)
    settlement_zone = models.CharField(max_length=40, blank=True)
    depends_on_contracted_supply = models.BooleanField(
        default=False, help_text=_("Without an agreement that delivers, the site may not draw power")
    )
    status = models.CharField(max_length=20, choices=SiteStatus, default=SiteStatus.CONSTRUCTION)
    delivery_address = models.TextField(blank=True)

    objects = SiteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="a_site_runs_at_50_or_60_hertz", condition=Q(grid_frequency_hz__in=[50, 60])),
            models.CheckConstraint(
                name="a_site_lies_on_the_globe",
                condition=plausible_number("latitude", least="-90", most="90")
                & plausible_number("longitude", least="-180", most="180"),
            ),
            models.CheckConstraint(name="a_site_names_an_iso_country", condition=Q(country__regex=r"^[A-Z]{2}$")),
            models.CheckConstraint(name="a_site_names_an_iso_currency", condition=Q(currency__regex=r"^[A-Z]{3}$")),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
