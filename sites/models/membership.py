"""Which person holds which role where, who answers for what, and who stands in."""

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.accounts.row import Row, plausible_date
from sites.models.calendar import WorkCalendar
from sites.models.site import Desk, Site
from sites.vocabulary import AssignmentScope, Discipline, ScopeKind


@pghistory.track()
class Membership(Row):
    """A right: this person has this role in the whole portfolio, at a desk's sites, or at one site."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    scope = models.CharField(max_length=10, choices=ScopeKind)
    desk = models.ForeignKey(Desk, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships")
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_membership_names_just_what_its_scope_needs",
                condition=Q(scope=ScopeKind.PORTFOLIO, desk__isnull=True, site__isnull=True)
                | Q(scope=ScopeKind.DESK, desk__isnull=False, site__isnull=True)
                | Q(scope=ScopeKind.SITE, desk__isnull=True, site__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["person", "role", "scope", "desk", "site"],
                name="a_role_is_granted_once_in_one_scope",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.role} {self.scope}"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def visible_to(self, actor: User) -> "AssignmentQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class Assignment(Row):
    """A duty: who is told. `subject_id` is the key of the class, company, order or line; null for site and discipline.

    A null site means every site that the person may see.
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="assignments")
    role = models.CharField(max_length=20, choices=Role)
    scope = models.CharField(max_length=16, choices=AssignmentScope)
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.PROTECT, related_name="assignments")
    discipline = models.CharField(max_length=12, choices=Discipline, blank=True)
    subject_id = models.UUIDField(null=True, blank=True)
    from_on = models.DateField(null=True, blank=True)
    until_on = models.DateField(null=True, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_assignment_names_just_what_its_scope_needs",
                condition=Q(scope=AssignmentScope.SITE, site__isnull=False, discipline="", subject_id__isnull=True)
                | (Q(scope=AssignmentScope.DISCIPLINE, subject_id__isnull=True) & ~Q(discipline=""))
                | Q(
                    scope__in=[
                        AssignmentScope.EQUIPMENT_CLASS,
                        AssignmentScope.COMPANY,
                        AssignmentScope.ORDER,
                        AssignmentScope.ORDER_LINE,
                    ],
                    discipline="",
                    subject_id__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="an_assignment_ends_on_or_after_its_start",
                condition=Q(from_on__isnull=True) | Q(until_on__isnull=True) | Q(until_on__gte=F("from_on")),
            ),
            models.CheckConstraint(
                name="an_assignment_has_plausible_dates",
                condition=plausible_date("from_on") & plausible_date("until_on"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.role} {self.scope}"


@pghistory.track()
class Absence(Row):
    """Both days away; mail goes to the deputy meanwhile."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="absences")
    from_on = models.DateField()
    until_on = models.DateField()
    deputy = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="deputising")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_absence_ends_on_or_after_its_start", condition=Q(until_on__gte=F("from_on"))
            ),
            models.CheckConstraint(name="nobody_deputises_for_themselves", condition=~Q(deputy=F("person"))),
            models.CheckConstraint(
                name="an_absence_has_plausible_dates",
                condition=plausible_date("from_on") & plausible_date("until_on"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} away {self.from_on} to {self.until_on}"


@pghistory.track()
class PersonCalendar(Row):
    """When a person wants mail, in their own time zone. Without a row: every day, at any hour.

    From `quiet_from` to `quiet_until` (which may lie past midnight), and on days off where `rests_on_days_off`, nothing
    leaves but what is urgent to somebody whose `urgent_passes`. `days_off` are ISO weekdays (1 is Monday) besides those
    of the calendar.
    """

    person = models.OneToOneField(User, on_delete=models.CASCADE, related_name="calendar")
    calendar = models.ForeignKey(
        WorkCalendar,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty: that of the site a mail is about"),
    )
    days_off = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    rests_on_days_off = models.BooleanField(default=True)
    urgent_passes = models.BooleanField(default=False)
    weekly_digest = models.BooleanField(default=False, help_text=_("One digest a week, on its first working day"))
    all_quiet = models.BooleanField(default=True, help_text=_("Say once a week that nothing slipped"))

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="quiet_hours_have_two_ends",
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | (Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until"))),
            ),
            models.CheckConstraint(
                name="a_person_works_on_some_weekday",
                condition=Q(days_off__contained_by=[1, 2, 3, 4, 5, 6, 7]) & Q(days_off__len__lt=7),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: quiet {self.quiet_from} to {self.quiet_until}"
