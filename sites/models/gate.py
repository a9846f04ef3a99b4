import pghistory
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date
from sites.models.chain import Chain
from sites.models.phase import Block, Phase
from sites.models.schedule import AnchorRule
from sites.models.site import Site
from sites.vocabulary import ActivityEdge, GateKind


class GateQuerySet(models.QuerySet["Gate"]):
    def visible_to(self, actor: User) -> "GateQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class Gate(Row):
    """A dated event of a site, phase or block. Its plan and actual are those of its chain's anchor milestone.

    It follows an activity by its code, never by a row of one revision; without one it is kept by hand. `followed_on` is
    the last date the activity gave it, which stands on where the code vanishes (`lost_at`). `rule` is the rule that
    bound it, null where a person did.
    """

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
    followed_on = models.DateField(null=True, blank=True)
    lost_at = models.DateTimeField(null=True, blank=True, help_text=_("When the code vanished from the schedule"))
    rule = models.ForeignKey(AnchorRule, null=True, blank=True, on_delete=models.SET_NULL, related_name="gates")

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
            models.CheckConstraint(name="a_gate_follows_a_plausible_date", condition=plausible_date("followed_on")),
            models.CheckConstraint(
                name="only_a_gate_that_follows_an_activity_can_lose_it",
                condition=~Q(activity_code="") | Q(followed_on__isnull=True, lost_at__isnull=True, rule__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(GateKind(self.kind).label)
