"""The utility's side: connections, the steps in which they release capacity, the works behind them, and the load."""

import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.models.calendar import WorkCalendar
from sites.models.chain import Chain
from sites.models.phase import Block
from sites.models.site import Site
from sites.vocabulary import GridState


class GridConnectionQuerySet(models.QuerySet["GridConnection"]):
    def visible_to(self, actor: User) -> "GridConnectionQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class GridConnection(Row):
    """The utility's side. Its chain runs from the enquiry to ENERGISED (the anchor) and the release of capacity.

    `firm_mw` is always available, `flexible_mw` comes on top of it and may be interrupted; steps, where there are any,
    say both by date instead. The offer lapses after `offer_expires_on` unless it is signed.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="grid_connections")
    name = models.CharField(max_length=120)
    utility = models.CharField(max_length=120)
    state = models.CharField(max_length=20, choices=GridState, default=GridState.ENQUIRY)
    requested_mw = models.DecimalField(max_digits=9, decimal_places=3)
    offered_mw = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    firm_mw = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    flexible_mw = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    voltage_kv = models.DecimalField(max_digits=6, decimal_places=1, null=True, blank=True)
    energisation_target_on = models.DateField(null=True, blank=True)
    offer_expires_on = models.DateField(null=True, blank=True)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    calendar = models.ForeignKey(
        WorkCalendar,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty: the site's"),
    )
    chain = models.OneToOneField(Chain, on_delete=models.PROTECT, related_name="grid_connection")

    objects = GridConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="a_grid_connection_name_is_unique_within_a_site"),
            models.CheckConstraint(
                name="a_grid_connection_has_plausible_megawatts",
                condition=plausible_number("requested_mw", most="100000")
                & plausible_number("offered_mw", most="100000")
                & plausible_number("firm_mw", most="100000")
                & plausible_number("flexible_mw", most="100000"),
            ),
            models.CheckConstraint(
                name="a_grid_connection_is_firm_for_at_most_what_was_offered",
                condition=Q(firm_mw__isnull=True) | Q(offered_mw__isnull=True) | Q(firm_mw__lte=F("offered_mw")),
            ),
            models.CheckConstraint(
                name="a_grid_connection_is_firm_and_flexible_within_its_offer",
                condition=Q(firm_mw__isnull=True)
                | Q(flexible_mw__isnull=True)
                | Q(offered_mw__isnull=True)
                | Q(offered_mw__gte=F("firm_mw") + F("flexible_mw")),
            ),
            models.CheckConstraint(
                name="a_grid_connection_has_a_plausible_voltage", condition=plausible_number("voltage_kv", most="2000")
            ),
            models.CheckConstraint(
                name="a_grid_connection_has_plausible_dates",
                condition=plausible_date("energisation_target_on") & plausible_date("offer_expires_on"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site.code} {self.name}"


class NetworkWorksQuerySet(models.QuerySet["NetworkWorks"]):
    def visible_to(self, actor: User) -> "NetworkWorksQuerySet":
        return self.filter(connection__site__in=Site.objects.visible_to(actor))


@pghistory.track()
class NetworkWorks(Row):
    """Works of the utility that capacity waits for: a chain of their own, with ledger and baselines as any other."""

    connection = models.ForeignKey(GridConnection, on_delete=models.PROTECT, related_name="works")
    name = models.CharField(max_length=120)
    contractor = models.CharField(max_length=120, blank=True)
    chain = models.OneToOneField(Chain, on_delete=models.PROTECT, related_name="network_works")

    objects = NetworkWorksQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "network works"
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "name"], name="network_works_have_a_name_unique_within_a_connection"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection} {self.name}"


class GridCapacityStepQuerySet(models.QuerySet["GridCapacityStep"]):
    def visible_to(self, actor: User) -> "GridCapacityStepQuerySet":
        return self.filter(connection__site__in=Site.objects.visible_to(actor))


@pghistory.track()
class GridCapacityStep(Row):
    """The whole capacity of a connection once this step is reached; the reached step with the highest number counts.

    Reached when the connection is energised, `from_on` has come, `milestone_code` of the connection's chain is done,
    and `works` are complete: whichever of those it names.
    """

    connection = models.ForeignKey(GridConnection, on_delete=models.PROTECT, related_name="capacity_steps")
    number = models.PositiveSmallIntegerField()
    from_on = models.DateField(null=True, blank=True)
    milestone_code = models.CharField(max_length=40, blank=True)
    works = models.ForeignKey(
        NetworkWorks, null=True, blank=True, on_delete=models.PROTECT, related_name="capacity_steps"
    )
    firm_mw = models.DecimalField(max_digits=9, decimal_places=3)
    flexible_mw = models.DecimalField(max_digits=9, decimal_places=3, default=0)

    objects = GridCapacityStepQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "number"], name="a_capacity_step_number_is_unique_within_a_connection"
            ),
            models.CheckConstraint(
                name="a_capacity_step_has_plausible_megawatts",
                condition=plausible_number("firm_mw", most="100000") & plausible_number("flexible_mw", most="100000"),
            ),
            models.CheckConstraint(name="a_capacity_step_has_a_plausible_date", condition=plausible_date("from_on")),
        ]

    def __str__(self) -> str:
        return f"{self.connection} {self.number}"


class LoadStepQuerySet(models.QuerySet["LoadStep"]):
    def visible_to(self, actor: User) -> "LoadStepQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class LoadStep(Row):
    """From this day on the load is `gross_mw` (of the block, or of the whole site where none is named)."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="load_steps")
    block = models.ForeignKey(Block, null=True, blank=True, on_delete=models.PROTECT, related_name="load_steps")
    from_on = models.DateField()
    gross_mw = models.DecimalField(max_digits=9, decimal_places=3)

    objects = LoadStepQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "block", "from_on"], name="a_load_has_one_step_a_day", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="a_load_step_has_plausible_megawatts", condition=plausible_number("gross_mw", most="100000")
            ),
            models.CheckConstraint(name="a_load_step_has_a_plausible_date", condition=plausible_date("from_on")),
        ]

    def __str__(self) -> str:
        return f"{self.gross_mw} MW from {self.from_on}"
