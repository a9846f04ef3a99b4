"""One purchase order is one aggregate: header, lines, schedule lines, lots and their chains share its version."""

import pghistory
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from procurement.models.company import Company, Plant
from procurement.models.equipment import EquipmentClass
from procurement.vocabulary import CommercialStatus, DamagesUnit, FinancialStatus, Incoterm, LineStatus, OrderKind
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.models import Site
from sites.models.site import Sight, holds_portfolio


class CurrentTransaction(models.Func):
    """The id of the running transaction, as a number."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()


class PurchaseOrderQuerySet(models.QuerySet["PurchaseOrder"]):
    def visible_to(self, actor: User) -> "PurchaseOrderQuerySet":
        """Whoever may see one of its schedule lines; an order without any needs the portfolio."""
        return self.filter(
            Exists(ScheduleLine.objects.visible_to(actor).filter(line__order=OuterRef("pk"))) | holds_portfolio(actor)
        )

    def within(self, sight: Sight) -> "PurchaseOrderQuerySet":
        """The same of what has been looked up already."""
        mine = ScheduleLine.objects.within(sight).filter(line__order=OuterRef("pk"))
        return self.all() if sight.whole else self.filter(Exists(mine))

    def amounts_visible_to(self, actor: User) -> "PurchaseOrderQuerySet":
        """Only with the right to amounts at every schedule line's site; an order without any needs the portfolio."""
        lines = ScheduleLine.objects.filter(line__order=OuterRef("pk"))
        hidden = lines.exclude(site__in=Site.objects.visible_to(actor, Permission.AMOUNTS_VIEW))
        return self.filter((Exists(lines) & ~Exists(hidden)) | Q(holds_portfolio(actor, Permission.AMOUNTS_VIEW)))


@pghistory.track(exclude=["version_transaction"])
class PurchaseOrder(Row):
    """`version` rises once per transaction that changes anything of the order, by trigger; it is the ETag.

    `total_amount` is what the header states, in `currency`; null where the ERP does not send one.
    Damages: `damages_rate_percent` per `damages_unit`, after `damages_grace_days`, up to `damages_cap_percent`,
    measured on the milestone `damages_measured_on`.
    """

    number = models.CharField(max_length=60, unique=True)
    title = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=10, choices=OrderKind, default=OrderKind.ORDER)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="call_offs")
    seller = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="orders")
    revision = models.PositiveIntegerField(default=0)
    commercial_status = models.CharField(max_length=20, choices=CommercialStatus, default=CommercialStatus.DRAFT)
    financial_status = models.CharField(max_length=12, choices=FinancialStatus, default=FinancialStatus.UNBILLED)
    issued_on = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    currency_text = models.CharField(
        max_length=20,
        blank=True,
        help_text=_("The currency as sent, where it is none of ISO 4217; then the code is XXX"),
    )
    total_amount = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    incoterm = models.CharField(max_length=3, choices=Incoterm, blank=True)
    incoterm_text = models.CharField(
        max_length=60, blank=True, help_text=_("The delivery term as sent, where it is none of the eleven")
    )
    incoterm_place = models.CharField(max_length=120, blank=True)
    damages_rate_percent = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    damages_unit = models.CharField(max_length=10, choices=DamagesUnit, blank=True)
    damages_cap_percent = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    damages_grace_days = models.PositiveSmallIntegerField(null=True, blank=True)
    damages_measured_on = models.CharField(max_length=40, blank=True)
    notice_days = models.PositiveSmallIntegerField(null=True, blank=True)
    document_version = models.CharField(max_length=40, blank=True, help_text=_("The ERP's own version, last applied"))
    version = models.PositiveIntegerField(default=1, editable=False)
    version_transaction = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    objects = PurchaseOrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="an_order_names_an_iso_currency", condition=Q(currency__regex=r"^[A-Z]{3}$")),
            models.CheckConstraint(
                name="an_unknown_currency_is_kept_as_text", condition=Q(currency="XXX") | Q(currency_text="")
            ),
            models.CheckConstraint(
                name="an_order_has_a_plausible_total",
                condition=plausible_number("total_amount", most="10000000000000"),
            ),
            models.CheckConstraint(
                name="only_a_call_off_has_a_parent", condition=Q(parent__isnull=True) | Q(kind=OrderKind.CALL_OFF)
            ),
            models.CheckConstraint(name="no_order_is_its_own_parent", condition=~Q(parent=F("id"))),
            models.CheckConstraint(
                name="a_damages_rate_states_its_unit",
                condition=Q(damages_rate_percent__isnull=True) | ~Q(damages_unit=""),
            ),
            models.CheckConstraint(
                name="an_order_has_plausible_damages",
                condition=plausible_number("damages_rate_percent", most="100")
                & plausible_number("damages_cap_percent", most="100"),
            ),
            models.CheckConstraint(name="an_order_has_plausible_dates", condition=plausible_date("issued_on")),
        ]

    def __str__(self) -> str:
        return self.number


class OrderLineQuerySet(models.QuerySet["OrderLine"]):
    def visible_to(self, actor: User) -> "OrderLineQuerySet":
        return self.filter(
            Exists(ScheduleLine.objects.visible_to(actor).filter(line=OuterRef("pk"))) | holds_portfolio(actor)
        )


@pghistory.track()
class OrderLine(Row):
    """`plant` is where it is made, and so its maker; null: not known. Its quantity is that of its schedule lines, of
    which `over_delivery_percent` more may be received.
    """

    order = models.ForeignKey(PurchaseOrder, on_delete=models.PROTECT, related_name="lines")
    number = models.PositiveIntegerField()
    description = models.CharField(max_length=300, blank=True)
    equipment_class = models.ForeignKey(EquipmentClass, on_delete=models.PROTECT, related_name="order_lines")
    plant = models.ForeignKey(Plant, null=True, blank=True, on_delete=models.PROTECT, related_name="order_lines")
    unit = models.CharField(max_length=6, default="EA")
    unit_price = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    over_delivery_percent = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    status = models.CharField(max_length=10, choices=LineStatus, default=LineStatus.OPEN)
    external_line_id = models.CharField(max_length=60, blank=True)

    objects = OrderLineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "number"], name="a_line_number_is_unique_within_an_order"),
            models.CheckConstraint(name="a_line_number_is_positive", condition=Q(number__gte=1, number__lte=999999)),
            models.CheckConstraint(
                name="a_line_has_a_plausible_price", condition=plausible_number("unit_price", most="10000000000000")
            ),
            models.CheckConstraint(
                name="an_over_delivery_is_at_most_all_again",
                condition=plausible_number("over_delivery_percent", most="100"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order}/{self.number}"


class ScheduleLineQuerySet(models.QuerySet["ScheduleLine"]):
    def visible_to(self, actor: User) -> "ScheduleLineQuerySet":
        """Those of the sites the person may see; a line without a site needs the portfolio."""
        return self.filter(
            Q(site__in=Site.objects.visible_to(actor)) | (Q(site__isnull=True) & Q(holds_portfolio(actor)))
        )

    def within(self, sight: Sight) -> "ScheduleLineQuerySet":
        """The same of what has been looked up already."""
        return self.all() if sight.whole else self.filter(site__in=sight.sites)


@pghistory.track()
class ScheduleLine(Row):
    """One quantity and date of a line. The contract date applies at `contract_step` (a milestone code)."""

    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="schedule_lines")
    number = models.PositiveIntegerField()
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    contract_on = models.DateField(null=True, blank=True)
    contract_step = models.CharField(max_length=40, default="ON_SITE")
    contract_step_assumed = models.BooleanField(default=False, help_text=_("The delivery term was unknown"))
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.PROTECT, related_name="schedule_lines")
    status = models.CharField(max_length=10, choices=LineStatus, default=LineStatus.OPEN)

    objects = ScheduleLineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "number"], name="a_schedule_number_is_unique_within_a_line"),
            models.CheckConstraint(
                name="a_schedule_number_is_positive", condition=Q(number__gte=1, number__lte=999999)
            ),
            models.CheckConstraint(
                name="a_scheduled_quantity_is_positive",
                condition=plausible_number("quantity", least="0.001", most="10000000"),
            ),
            models.CheckConstraint(name="a_schedule_line_has_plausible_dates", condition=plausible_date("contract_on")),
        ]
        indexes = [models.Index(fields=["site", "status"], name="schedule_lines_of_a_site")]

    def __str__(self) -> str:
        return f"{self.line}/{self.number}"
