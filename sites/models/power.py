"""Where the power comes from: grid connections, load ramps and power purchase agreements."""

import pghistory
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.models.chain import Chain
from sites.models.phase import Block
from sites.models.site import Site, holds_portfolio
from sites.vocabulary import (
    AgreementState,
    AgreementStructure,
    Certificate,
    EnergyUnit,
    GridState,
    NegativePriceRule,
    PriceKind,
    VolumeShape,
)


class GridConnectionQuerySet(models.QuerySet["GridConnection"]):
    def visible_to(self, actor: User) -> "GridConnectionQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class GridConnection(Row):
    """The utility's side. Its chain runs from the enquiry to ENERGISED (the anchor) and the release of capacity."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="grid_connections")
    name = models.CharField(max_length=120)
    utility = models.CharField(max_length=120)
    state = models.CharField(max_length=20, choices=GridState, default=GridState.ENQUIRY)
    requested_mw = models.DecimalField(max_digits=9, decimal_places=3)
    offered_mw = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    firm_mw = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    voltage_kv = models.DecimalField(max_digits=6, decimal_places=1, null=True, blank=True)
    energisation_target_on = models.DateField(null=True, blank=True)
    chain = models.OneToOneField(Chain, on_delete=models.PROTECT, related_name="grid_connection")

    objects = GridConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="a_grid_connection_name_is_unique_within_a_site"),
            models.CheckConstraint(
                name="a_grid_connection_has_plausible_megawatts",
                condition=plausible_number("requested_mw", most="100000")
                & plausible_number("offered_mw", most="100000")
                & plausible_number("firm_mw", most="100000"),
            ),
            models.CheckConstraint(
                name="a_grid_connection_is_firm_for_at_most_what_was_offered",
                condition=Q(firm_mw__isnull=True) | Q(offered_mw__isnull=True) | Q(firm_mw__lte=F("offered_mw")),
            ),
            models.CheckConstraint(
                name="a_grid_connection_has_a_plausible_voltage", condition=plausible_number("voltage_kv", most="2000")
            ),
            models.CheckConstraint(
                name="a_grid_connection_has_plausible_dates", condition=plausible_date("energisation_target_on")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site.code} {self.name}"


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


class PowerPurchaseAgreementQuerySet(models.QuerySet["PowerPurchaseAgreement"]):
    def visible_to(self, actor: User) -> "PowerPurchaseAgreementQuerySet":
        """Whoever may see one of the sites it supplies; one without shares needs the portfolio."""
        return self.filter(
            Exists(PpaShare.objects.visible_to(actor).filter(agreement=OuterRef("pk"))) | holds_portfolio(actor)
        )


@pghistory.track()
class PowerPurchaseAgreement(Row):
    """Contract fields of a power purchase agreement. Its chain ends at COD, whose forecast is the forecast COD.

    Target: damages start; guaranteed: the buyer may terminate; long-stop: either party may.
    Money comes with its currency; `price` is per `price_unit`.
    """

    code = models.CharField(max_length=30, unique=True)
    name = models.CharField(max_length=160)
    seller = models.CharField(max_length=120)
    buyer = models.CharField(max_length=120, blank=True)
    sleeving_retailer = models.CharField(max_length=120, blank=True)
    guarantor = models.CharField(max_length=120, blank=True)
    project = models.CharField(max_length=120, blank=True)
    technology = models.CharField(max_length=60, blank=True)
    country = models.CharField(max_length=2)
    grid_node = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=14, choices=AgreementState, default=AgreementState.SCREENING)
    structure = models.CharField(max_length=10, choices=AgreementStructure)
    volume_shape = models.CharField(max_length=16, choices=VolumeShape)
    contracted_mw = models.DecimalField(max_digits=9, decimal_places=3)
    output_share_percent = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    minimum_installed_mw = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    annual_mwh = models.DecimalField(max_digits=14, decimal_places=1, null=True, blank=True)
    tolerance_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    minimum_take_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    term_years = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    starts_on = models.DateField(null=True, blank=True, help_text=_("Empty: the term starts at COD"))
    price_kind = models.CharField(max_length=10, choices=PriceKind, default=PriceKind.FIXED)
    price = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    price_unit = models.CharField(max_length=4, choices=EnergyUnit, default=EnergyUnit.MWH)
    currency = models.CharField(max_length=3)
    escalation_percent = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    index_name = models.CharField(max_length=80, blank=True)
    index_base_on = models.DateField(null=True, blank=True)
    price_floor = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    price_cap = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    settlement_market = models.CharField(max_length=40, blank=True)
    settlement_zone = models.CharField(max_length=40, blank=True)
    negative_price_rule = models.CharField(max_length=14, choices=NegativePriceRule, default=NegativePriceRule.SETTLES)
    curtailment_borne_by = models.CharField(max_length=120, blank=True)
    certificate = models.CharField(max_length=8, choices=Certificate, default=Certificate.NONE)
    credit_support = models.CharField(max_length=200, blank=True)
    delay_damages_per_mw_day = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    target_cod_on = models.DateField(null=True, blank=True)
    guaranteed_cod_on = models.DateField(null=True, blank=True)
    long_stop_on = models.DateField(null=True, blank=True)
    governing_law = models.CharField(max_length=80, blank=True)
    chain = models.OneToOneField(Chain, on_delete=models.PROTECT, related_name="agreement")

    objects = PowerPurchaseAgreementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_agreement_has_plausible_megawatts",
                condition=plausible_number("contracted_mw", most="100000")
                & plausible_number("minimum_installed_mw", most="100000"),
            ),
            models.CheckConstraint(
                name="an_agreement_states_its_cod_dates_in_order",
                condition=(
                    Q(target_cod_on__isnull=True)
                    | Q(guaranteed_cod_on__isnull=True)
                    | Q(guaranteed_cod_on__gte=F("target_cod_on"))
                )
                & (
                    Q(guaranteed_cod_on__isnull=True)
                    | Q(long_stop_on__isnull=True)
                    | Q(long_stop_on__gte=F("guaranteed_cod_on"))
                )
                & (
                    Q(target_cod_on__isnull=True)
                    | Q(long_stop_on__isnull=True)
                    | Q(long_stop_on__gte=F("target_cod_on"))
                ),
            ),
            models.CheckConstraint(
                name="an_agreement_has_plausible_dates",
                condition=plausible_date("target_cod_on")
                & plausible_date("guaranteed_cod_on")
                & plausible_date("long_stop_on")
                & plausible_date("starts_on")
                & plausible_date("index_base_on"),
            ),
            models.CheckConstraint(
                name="an_agreement_has_plausible_amounts",
                condition=plausible_number("price", least="-100000", most="10000000")
                & plausible_number("price_floor", least="-100000", most="10000000")
                & plausible_number("price_cap", least="-100000", most="10000000")
                & plausible_number("delay_damages_per_mw_day", most="1000000000"),
            ),
            models.CheckConstraint(
                name="an_agreement_has_plausible_percentages",
                condition=plausible_number("output_share_percent", most="100")
                & plausible_number("tolerance_percent", most="100")
                & plausible_number("minimum_take_percent", most="100")
                & plausible_number("escalation_percent", least="-100", most="100"),
            ),
            models.CheckConstraint(
                name="an_agreement_has_a_plausible_volume_and_term",
                condition=plausible_number("annual_mwh", most="1000000000")
                & plausible_number("term_years", most="100"),
            ),
            models.CheckConstraint(
                name="an_agreement_names_an_iso_currency", condition=Q(currency__regex=r"^[A-Z]{3}$")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class PpaShareQuerySet(models.QuerySet["PpaShare"]):
    def visible_to(self, actor: User) -> "PpaShareQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class PpaShare(Row):
    """Megawatts of one agreement meant for one site, from a day (null: from COD) until a day (null: to its end)."""

    agreement = models.ForeignKey(PowerPurchaseAgreement, on_delete=models.PROTECT, related_name="shares")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="ppa_shares")
    share_mw = models.DecimalField(max_digits=9, decimal_places=3)
    from_on = models.DateField(null=True, blank=True)
    until_on = models.DateField(null=True, blank=True)

    objects = PpaShareQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "site", "from_on"],
                name="an_agreement_has_one_share_a_site_from_a_day",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="a_share_has_plausible_megawatts", condition=plausible_number("share_mw", most="100000")
            ),
            models.CheckConstraint(
                name="a_share_ends_on_or_after_its_start",
                condition=Q(from_on__isnull=True) | Q(until_on__isnull=True) | Q(until_on__gte=F("from_on")),
            ),
            models.CheckConstraint(
                name="a_share_has_plausible_dates", condition=plausible_date("from_on") & plausible_date("until_on")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.share_mw} MW"
