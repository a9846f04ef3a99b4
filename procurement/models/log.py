from typing import Final
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from procurement.models.company import Company
from procurement.models.equipment import EquipmentClass
from procurement.models.forecast import LotForecast
from procurement.models.order import ScheduleLine
from sites.accounts.models import User
from sites.models import Site
from sites.models.site import Sight, holds_portfolio

# So that a statement is there to be written out also for somebody who sees no site.
_NOWHERE: Final = (UUID(int=0),)


class LogLineQuerySet(models.QuerySet["LogLine"]):
    def visible_to(self, actor: User) -> "LogLineQuerySet":
        """As schedule lines are."""
        return self.filter(
            Q(site__in=Site.objects.visible_to(actor)) | (Q(site__isnull=True) & Q(holds_portfolio(actor)))
        )

    def within(self, sight: Sight) -> "LogLineQuerySet":
        """The same of what has been looked up already: statements that are shorter to write and to plan."""
        return self.all() if sight.whole else self.filter(site__in=sight.sites or _NOWHERE)


class LogLine(models.Model):
    """What the log finds, sorts and counts by: one row a schedule line, never a truth of its own.

    Triggers write it in the transaction that changes what it is made of, so nothing else does; it has no history, and
    its keys need no check. Dates and days are those of the last open lot, `float_days` that of the worst one. `blocks`
    are those that its requirements' groups are needed by, `words` the text that a search looks through, in lower case.
    """

    schedule_line = models.OneToOneField(
        ScheduleLine, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="log_line"
    )
    site = models.ForeignKey(Site, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    equipment_class = models.ForeignKey(
        EquipmentClass, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    seller = models.ForeignKey(Company, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    maker = models.ForeignKey(Company, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    answer = models.ForeignKey(
        LotForecast, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    shown = models.CharField(max_length=10, help_text="Open, delivered or cancelled")
    is_late = models.BooleanField()
    line_number = models.PositiveIntegerField()
    schedule_number = models.PositiveIntegerField()
    lots = models.PositiveIntegerField(help_text="That have an answer")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    contract_on = models.DateField(null=True)
    required_on_site = models.DateField(null=True)
    promised_on = models.DateField(null=True)
    forecast_on = models.DateField(null=True)
    delivered_on = models.DateField(null=True)
    next_on = models.DateField(null=True)
    float_days = models.IntegerField(null=True)
    slip_days = models.IntegerField(null=True)
    mw_days = models.DecimalField(max_digits=14, decimal_places=3, null=True, help_text="The more of gain and cost")
    driver = models.CharField(max_length=20, null=True)
    order_number = models.CharField(max_length=60)
    site_code = models.CharField(max_length=20, null=True)
    class_name = models.CharField(max_length=120)
    seller_name = models.CharField(max_length=200)
    maker_name = models.CharField(max_length=200, null=True)
    tags = ArrayField(models.CharField(max_length=60), null=True)
    blocks = ArrayField(models.UUIDField(), default=list)
    words = models.TextField()

    objects = LogLineQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                F("float_days").asc(nulls_last=True), "order_number", "line_number", "schedule_number",
                condition=Q(shown="open"), name="open_lines_by_float",
            ),
            # What the totals need stands in these two, so that they read no row.
            models.Index(
                fields=["shown", "site", "is_late", "schedule_line"], include=["seller", "float_days"],
                name="log_lines_counted",
            ),
            models.Index(
                fields=["shown", "site"], include=["blocks"], condition=Q(is_late=True), name="late_lines_with_blocks"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.order_number}/{self.line_number}/{self.schedule_number}"
