import pghistory
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.row import Row
from sites.models.chain import Chain
from sites.models.phase import Block, Phase
from sites.models.site import Site
from sites.vocabulary import ActivityEdge, GateKind


class GateQuerySet(models.QuerySet["Gate"]):
    def visible_to(self, actor: User) -> "GateQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class Gate(Row):
    """A dated event of a site, phase or block. Its plan and actual are those of its chain's anchor milestone."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="gates")
    phase = models.ForeignKey(Phase, null=True, blank=True, on_delete=models.PROTECT, related_name="gates")
    block = models.ForeignKey(Block, null=True, blank=True, on_delete=models.PROTECT, related_name="gates")
    kind = models.CharField(max_length=20, choices=GateKind)
    name = models.CharField(max_length=120, blank=True)
    chain = models.OneToOneField(Chain, on_delete=models.PROTECT, related_name="gate")
    project_code = models.CharField(max_length=80, blank=True)
    activity_code = models.CharField(
        max_length=80, blank=True, help_text=_("The activity of the site schedule it follows")
    )
    activity_edge = models.CharField(max_length=10, choices=ActivityEdge, default=ActivityEdge.FINISH)

    objects = GateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "phase", "block", "kind", "name"],
                name="a_gate_is_unique_within_its_site_phase_or_block",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="a_gate_that_follows_an_activity_names_its_project",
                condition=Q(activity_code="") | ~Q(project_code=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.get_kind_display()
