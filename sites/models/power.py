"""Power purchase agreements and how much of each is meant for which site."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.domain.agreement_state import MOVES, OVER, UNSIGNED
from sites.models.calendar import WorkCalendar
from sites.models.chain import Chain
from sites.models.site import Site, holds_portfolio
from sites.vocabulary import (
    AgreementState,
    AgreementStructure,
    Certificate,
    CertificateReplacement,
    ContractParty,
    DeemedEnergy,
    EnergyUnit,
    NegativePriceRule,
    PriceKind,
    VolumeShape,
)

UNBOUND_STATES = sorted(state.value for state in UNSIGNED | OVER)


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
    Money comes with its currency; `price` is per `price_unit`. `minimum_take_percent` is of the contracted megawatts.
    The tail is what the seller goes on delivering after the term. `buy_down_terms` say what a plant smaller than its
    minimum costs; `settlement_floor` is the least market price that is settled. Nulls are not known, never zero.
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
    location = models.CharField(max_length=120, blank=True)
    grid_node = models.CharField(max_length=80, blank=True)
    delivery_point = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=14, choices=AgreementState, default=AgreementState.SCREENING)
    structure = models.CharField(max_length=10, choices=AgreementStructure)
    volume_shape = models.CharField(max_length=16, choices=VolumeShape)
    contracted_mw = models.DecimalField(max_digits=9, decimal_places=3)
    output_share_percent = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    installed_mw = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    minimum_installed_mw = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    buy_down_terms = models.CharField(max_length=200, blank=True)
    annual_mwh = models.DecimalField(max_digits=14, decimal_places=1, null=True, blank=True)
    tolerance_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    p50_mwh = models.DecimalField(max_digits=14, decimal_places=1, null=True, blank=True)
    p90_mwh = models.DecimalField(max_digits=14, decimal_places=1, null=True, blank=True)
    minimum_availability_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    shortfall_rule = models.CharField(max_length=200, blank=True)
    capacity_rights_owner = models.CharField(max_length=8, choices=ContractParty, blank=True)
    scheduling = models.CharField(max_length=200, blank=True)
    minimum_take_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    term_years = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    tail_years = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    signed_on = models.DateField(null=True, blank=True)
    starts_on = models.DateField(null=True, blank=True, help_text=_("Empty: the term starts at COD"))
    price_kind = models.CharField(max_length=10, choices=PriceKind, default=PriceKind.FIXED)
    price = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    price_unit = models.CharField(max_length=4, choices=EnergyUnit, default=EnergyUnit.MWH)
    currency = models.CharField(max_length=3)
    escalation_percent = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    index_name = models.CharField(max_length=80, blank=True)
    index_base_on = models.DateField(null=True, blank=True)
    indexed_share_percent = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    floating_reference = models.CharField(max_length=80, blank=True)
    price_floor = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    price_cap = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    settlement_market = models.CharField(max_length=40, blank=True)
    settlement_zone = models.CharField(max_length=40, blank=True)
    settlement_interval_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    settlement_floor = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    negative_price_rule = models.CharField(max_length=14, choices=NegativePriceRule, default=NegativePriceRule.SETTLES)
    curtailment_borne_by = models.CharField(max_length=8, choices=ContractParty, blank=True)
    curtailment_allowance_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    deemed_energy = models.CharField(max_length=16, choices=DeemedEnergy, blank=True)
    certificate = models.CharField(max_length=8, choices=Certificate, default=Certificate.NONE)
    certificate_vintage = models.CharField(max_length=40, blank=True)
    certificate_owner = models.CharField(max_length=8, choices=ContractParty, blank=True)
    certificate_delivery_days = models.PositiveSmallIntegerField(null=True, blank=True)
    certificate_replacement = models.CharField(max_length=20, choices=CertificateReplacement, blank=True)
    certificate_successor = models.CharField(max_length=8, choices=Certificate, blank=True)
    target_cod_on = models.DateField(null=True, blank=True)
    guaranteed_cod_on = models.DateField(null=True, blank=True)
    long_stop_on = models.DateField(null=True, blank=True)
    termination_right = models.CharField(max_length=200, blank=True)
    change_in_law_borne_by = models.CharField(max_length=8, choices=ContractParty, blank=True)
    metering = models.CharField(max_length=200, blank=True)
    assignment_terms = models.CharField(max_length=200, blank=True)
    confidentiality = models.CharField(max_length=200, blank=True)
    governing_law = models.CharField(max_length=80, blank=True)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    calendar = models.ForeignKey(
        WorkCalendar,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Working days of the contract; empty: those of the site"),
    )
    chain = models.OneToOneField(Chain, on_delete=models.PROTECT, related_name="agreement")

    objects = PowerPurchaseAgreementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_agreement_has_plausible_megawatts",
                condition=plausible_number("contracted_mw", most="100000")
                & plausible_number("minimum_installed_mw", most="100000")
                & plausible_number("installed_mw", most="100000"),
            ),
            models.CheckConstraint(
                name="an_agreement_takes_no_more_than_the_plant_has",
                condition=Q(installed_mw__isnull=True)
                | (
                    Q(contracted_mw__lte=F("installed_mw"))
                    & (Q(minimum_installed_mw__isnull=True) | Q(minimum_installed_mw__lte=F("installed_mw")))
                ),
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
                & plausible_date("signed_on")
                & plausible_date("index_base_on"),
            ),
            models.CheckConstraint(
                name="an_agreement_has_plausible_amounts",
                condition=plausible_number("price", least="-100000", most="10000000")
                & plausible_number("price_floor", least="-100000", most="10000000")
                & plausible_number("price_cap", least="-100000", most="10000000")
                & plausible_number("settlement_floor", least="-100000", most="10000000"),
            ),
            models.CheckConstraint(
                name="an_agreement_floors_its_price_below_its_cap",
                condition=Q(price_floor__isnull=True) | Q(price_cap__isnull=True) | Q(price_floor__lte=F("price_cap")),
            ),
            models.CheckConstraint(
                name="an_agreement_has_plausible_percentages",
                condition=plausible_number("output_share_percent", most="100")
                & plausible_number("tolerance_percent", most="100")
                & plausible_number("minimum_take_percent", most="100")
                & plausible_number("minimum_availability_percent", most="100")
                & plausible_number("indexed_share_percent", most="100")
                & plausible_number("curtailment_allowance_percent", most="100")
                & plausible_number("escalation_percent", least="-100", most="100"),
            ),
            models.CheckConstraint(
                name="an_agreement_has_a_plausible_volume_and_term",
                condition=plausible_number("annual_mwh", most="1000000000")
                & plausible_number("p50_mwh", most="1000000000")
                & plausible_number("p90_mwh", most="1000000000")
                & plausible_number("term_years", most="100")
                & plausible_number("tail_years", most="100"),
            ),
            models.CheckConstraint(
                name="an_agreement_expects_at_most_its_p50_at_p90",
                condition=Q(p90_mwh__isnull=True) | Q(p50_mwh__isnull=True) | Q(p90_mwh__lte=F("p50_mwh")),
            ),
            models.CheckConstraint(
                name="an_agreement_settles_by_a_known_interval",
                condition=Q(settlement_interval_minutes__isnull=True)
                | Q(settlement_interval_minutes__in=[5, 15, 30, 60]),
            ),
            models.CheckConstraint(
                name="a_signed_agreement_states_its_buyer_price_and_term",
                condition=Q(state__in=UNBOUND_STATES)
                | (~Q(buyer="") & Q(price__isnull=False) & Q(term_years__isnull=False)),
            ),
            models.CheckConstraint(
                name="an_agreement_names_an_iso_currency", condition=Q(currency__regex=r"^[A-Z]{3}$")
            ),
            models.CheckConstraint(name="an_agreement_names_an_iso_country", condition=Q(country__regex=r"^[A-Z]{2}$")),
        ]
        triggers = [
            pgtrigger.FSM(
                name="an_agreement_moves_only_as_permitted",
                field="state",
                transitions=[(str(since.value), str(until.value)) for since, until in sorted(MOVES)],
            )
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


class PpaShareStepQuerySet(models.QuerySet["PpaShareStep"]):
    def visible_to(self, actor: User) -> "PpaShareStepQuerySet":
        return self.filter(share__site__in=Site.objects.visible_to(actor))


@pghistory.track()
class PpaShareStep(Row):
    """From this day on the share is `share_mw` instead of what its row says."""

    share = models.ForeignKey(PpaShare, on_delete=models.CASCADE, related_name="steps")
    from_on = models.DateField()
    share_mw = models.DecimalField(max_digits=9, decimal_places=3)

    objects = PpaShareStepQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["share", "from_on"], name="a_share_has_one_step_a_day"),
            models.CheckConstraint(
                name="a_share_step_has_plausible_megawatts", condition=plausible_number("share_mw", most="100000")
            ),
            models.CheckConstraint(name="a_share_step_has_a_plausible_date", condition=plausible_date("from_on")),
        ]

    def __str__(self) -> str:
        return f"{self.share_mw} MW from {self.from_on}"


class SpotPriceQuerySet(models.QuerySet["SpotPrice"]):
    def visible_to(self, actor: User) -> "SpotPriceQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class SpotPrice(Row):
    """What a site is assumed to pay on the spot market from a day on, and who says so.

    With an agreement it counts for that share only. Where none is entered the exposure is not known, never zero.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="spot_prices")
    agreement = models.ForeignKey(
        PowerPurchaseAgreement, null=True, blank=True, on_delete=models.PROTECT, related_name="spot_prices"
    )
    from_on = models.DateField()
    price_per_mwh = models.DecimalField(max_digits=14, decimal_places=4)
    currency = models.CharField(max_length=3)
    source = models.CharField(max_length=300)

    objects = SpotPriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "agreement", "from_on"],
                name="a_site_assumes_one_spot_price_from_a_day",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="a_spot_price_is_plausible",
                condition=plausible_number("price_per_mwh", least="-100000", most="10000000"),
            ),
            models.CheckConstraint(name="a_spot_price_has_a_plausible_date", condition=plausible_date("from_on")),
            models.CheckConstraint(name="a_spot_price_says_its_source", condition=~Q(source="")),
            models.CheckConstraint(
                name="a_spot_price_names_an_iso_currency", condition=Q(currency__regex=r"^[A-Z]{3}$")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.price_per_mwh} {self.currency}/MWh from {self.from_on}"
