import pghistory
from django.db import models
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.models.site import Site
from sites.vocabulary import BlockPolicy


class PhaseQuerySet(models.QuerySet["Phase"]):
    def visible_to(self, actor: User) -> "PhaseQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class Phase(Row):
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="phases")
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=80, blank=True)
    it_mw = models.DecimalField(max_digits=9, decimal_places=3)
    gross_mw = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    rfs_baseline_on = models.DateField(null=True, blank=True)

    objects = PhaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "code"], name="a_phase_code_is_unique_within_a_site"),
            models.CheckConstraint(
                name="a_phase_has_plausible_megawatts",
                condition=plausible_number("it_mw", most="100000") & plausible_number("gross_mw", most="100000"),
            ),
            models.CheckConstraint(name="a_phase_has_plausible_dates", condition=plausible_date("rfs_baseline_on")),
        ]

    def __str__(self) -> str:
        return f"{self.site.code} {self.code}"


class BlockQuerySet(models.QuerySet["Block"]):
    def visible_to(self, actor: User) -> "BlockQuerySet":
        return self.filter(phase__site__in=Site.objects.visible_to(actor))


@pghistory.track()
class Block(Row):
    """A hall or power string: what is turned over by itself, with its megawatts."""

    phase = models.ForeignKey(Phase, on_delete=models.PROTECT, related_name="blocks")
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=80, blank=True)
    it_mw = models.DecimalField(max_digits=9, decimal_places=3)
    rfs_baseline_on = models.DateField(null=True, blank=True, help_text=_("Frozen; MW-days count from here"))
    rfs_plan_on = models.DateField(null=True, blank=True, help_text=_("The site schedule's present date"))
    rfs_actual_on = models.DateField(null=True, blank=True)
    policy = models.CharField(max_length=12, choices=BlockPolicy, default=BlockPolicy.CAN_CARRY)

    objects = BlockQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["phase", "code"], name="a_block_code_is_unique_within_a_phase"),
            models.CheckConstraint(
                name="a_block_has_plausible_megawatts", condition=plausible_number("it_mw", most="100000")
            ),
            models.CheckConstraint(
                name="a_block_has_plausible_dates",
                condition=plausible_date("rfs_baseline_on")
                & plausible_date("rfs_plan_on")
                & plausible_date("rfs_actual_on"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.phase} {self.code}"
