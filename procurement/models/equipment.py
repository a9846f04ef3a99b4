import pghistory
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from procurement.vocabulary import CalendarOf
from sites.accounts.row import Row
from sites.vocabulary import Discipline, DurationBasis, Party


@pghistory.track()
class ChainTemplate(Row):
    """The usual steps of a kind of equipment, copied to each new lot; changing it changes no lot."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    anchor_code = models.CharField(max_length=40, default="ON_SITE")

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class ChainStep(Row):
    template = models.ForeignKey(ChainTemplate, on_delete=models.CASCADE, related_name="steps")
    sequence = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=40)
    duration_days = models.PositiveSmallIntegerField(default=0)
    basis = models.CharField(max_length=10, choices=DurationBasis, default=DurationBasis.CALENDAR)
    calendar_of = models.CharField(max_length=8, choices=CalendarOf, default=CalendarOf.SITE)
    responsible = models.CharField(max_length=10, choices=Party, default=Party.VENDOR)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["template", "code"], name="a_step_code_is_unique_within_a_template"),
            models.UniqueConstraint(fields=["template", "sequence"], name="a_step_place_is_unique_within_a_template"),
            models.CheckConstraint(
                name="a_step_duration_is_plausible", condition=Q(duration_days__gte=0, duration_days__lte=3660)
            ),
        ]

    def __str__(self) -> str:
        return self.code


@pghistory.track()
class EquipmentClass(Row):
    """`masterformat` is the section number alone; `second_code` a code of another system (Uniclass, DIN 276).

    `fallback` is the class whose history and lead times stand in where this one has too few; never in a cycle.
    """

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    discipline = models.CharField(max_length=12, choices=Discipline)
    masterformat = models.CharField(max_length=16, blank=True)
    second_code_system = models.CharField(max_length=20, blank=True)
    second_code = models.CharField(max_length=40, blank=True)
    template = models.ForeignKey(ChainTemplate, on_delete=models.PROTECT, related_name="classes")
    installation_days = models.PositiveSmallIntegerField(default=0, help_text=_("Working days after arrival on site"))
    commissioning_days = models.PositiveSmallIntegerField(default=0, help_text=_("Working days after installation"))
    fallback = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="stands_in_for")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_second_class_code_names_its_system", condition=Q(second_code="") | ~Q(second_code_system="")
            ),
        ]

    def __str__(self) -> str:
        return self.name
