import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.row import Row, plausible_date


@pghistory.track()
class WorkCalendar(Row):
    """Working days of a country or subdivision, less the closures of one plant or site."""

    name = models.CharField(max_length=120, unique=True)
    code = models.CharField(max_length=10, help_text=_("ISO code of the `holidays` library: JP, AU-NSW, DE-HE"))

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class Closure(Row):
    """Both days are closed, and all between them."""

    calendar = models.ForeignKey(WorkCalendar, on_delete=models.CASCADE, related_name="closures")
    from_on = models.DateField()
    until_on = models.DateField()
    reason = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_closure_ends_on_or_after_its_start", condition=Q(until_on__gte=F("from_on"))
            ),
            models.CheckConstraint(
                name="a_closure_has_plausible_dates",
                condition=plausible_date("from_on") & plausible_date("until_on"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_on} to {self.until_on}"
