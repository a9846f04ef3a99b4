import pghistory
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from sites.accounts.row import Row
from sites.models import WorkCalendar


@pghistory.track()
class Company(Row):
    """A company sells, makes, or both: an order names its seller, a line its plant and so its maker."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=160)
    country = models.CharField(max_length=2)
    sells = models.BooleanField(default=True)
    makes = models.BooleanField(default=False)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="a_company_name_is_unique_whatever_its_case"),
            models.CheckConstraint(name="a_company_sells_or_makes", condition=Q(sells=True) | Q(makes=True)),
            models.CheckConstraint(name="a_company_names_an_iso_country", condition=Q(country__regex=r"^[A-Z]{2}$")),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class Plant(Row):
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="plants")
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2)
    calendar = models.ForeignKey(WorkCalendar, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["company", "code"], name="a_plant_code_is_unique_within_a_company"),
            models.CheckConstraint(name="a_plant_names_an_iso_country", condition=Q(country__regex=r"^[A-Z]{2}$")),
        ]

    def __str__(self) -> str:
        return f"{self.company.name}, {self.name}"


@pghistory.track()
class Contact(Row):
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="contacts")
    plant = models.ForeignKey(Plant, null=True, blank=True, on_delete=models.PROTECT, related_name="contacts")
    name = models.CharField(max_length=120)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=8, default="en")

    def __str__(self) -> str:
        return self.name
