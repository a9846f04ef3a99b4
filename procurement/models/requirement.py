import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from procurement.models.equipment import EquipmentClass
from procurement.models.lead_time import LeadTimeObservation
from procurement.vocabulary import Criticality, RosRule
from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.models import AnchorRule, Block, Gate, Phase, Site
from sites.vocabulary import ActivityEdge, DurationBasis


class RedundancyGroupQuerySet(models.QuerySet["RedundancyGroup"]):
    def visible_to(self, actor: User) -> "RedundancyGroupQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class RedundancyGroup(Row):
    """One class and its units at a site. How many a block needs is a GroupNeed."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="groups")
    equipment_class = models.ForeignKey(EquipmentClass, on_delete=models.PROTECT, related_name="groups")
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=120, blank=True)

    objects = RedundancyGroupQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "code"], name="a_group_code_is_unique_within_a_site"),
        ]

    def __str__(self) -> str:
        return f"{self.site.code} {self.code}"


@pghistory.track()
class GroupNeed(Row):
    """This block carries load once `needed_units` of the group are ready."""

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="needs")
    group = models.ForeignKey(RedundancyGroup, on_delete=models.PROTECT, related_name="needs")
    needed_units = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["block", "group"], name="a_block_states_its_need_of_a_group_once"),
            models.CheckConstraint(name="a_block_needs_at_least_one_unit", condition=Q(needed_units__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.block} needs {self.needed_units} of {self.group}"


class RequirementQuerySet(models.QuerySet["Requirement"]):
    def visible_to(self, actor: User) -> "RequirementQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class Requirement(Row):
    """What a site needs: one tag. Only single units (quantity 1 each) join a redundancy group.

    `required_on_site` is computed from the rule and kept here in the same transaction as its cause;
    null where there is neither a fixed date nor an anchor.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="requirements")
    phase = models.ForeignKey(Phase, null=True, blank=True, on_delete=models.PROTECT, related_name="requirements")
    block = models.ForeignKey(Block, null=True, blank=True, on_delete=models.PROTECT, related_name="requirements")
    tag = models.CharField(max_length=60)
    description = models.CharField(max_length=200, blank=True)
    equipment_class = models.ForeignKey(EquipmentClass, on_delete=models.PROTECT, related_name="requirements")
    group = models.ForeignKey(
        RedundancyGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="requirements"
    )
    quantity = models.DecimalField(max_digits=14, decimal_places=3, default=1)
    unit = models.CharField(max_length=6, default="EA", help_text=_("UN/ECE Recommendation 20"))
    ros_rule = models.CharField(max_length=10, choices=RosRule, default=RosRule.NONE)
    ros_fixed_on = models.DateField(null=True, blank=True)
    shake_out_days = models.PositiveSmallIntegerField(default=0)
    shake_out_basis = models.CharField(max_length=10, choices=DurationBasis, default=DurationBasis.WORKING)
    required_on_site = models.DateField(null=True, blank=True, editable=False)
    ros_before_on = models.DateField(
        null=True, blank=True, editable=False, help_text=_("The date before it was last pulled forward")
    )
    ros_pulled_on = models.DateField(null=True, blank=True, editable=False, help_text=_("The day on which it was"))
    criticality = models.CharField(max_length=8, choices=Criticality, default=Criticality.NORMAL)
    lead_time = models.ForeignKey(
        LeadTimeObservation, null=True, blank=True, on_delete=models.PROTECT, related_name="chosen_for"
    )
    lead_time_weeks = models.DecimalField(
        max_digits=6, decimal_places=1, null=True, blank=True, help_text=_("The planner's pick; empty: weeks high")
    )
    lead_time_percentile = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("Of the observations considered, of which the weeks were taken")
    )
    lead_time_reason = models.CharField(max_length=300, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    objects = RequirementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "tag"], name="a_tag_is_unique_within_a_site"),
            models.CheckConstraint(
                name="a_required_quantity_is_positive",
                condition=plausible_number("quantity", least="0.001", most="10000000"),
            ),
            models.CheckConstraint(
                name="only_single_units_join_a_group", condition=Q(group__isnull=True) | Q(quantity=1, unit="EA")
            ),
            models.CheckConstraint(
                name="a_fixed_required_date_is_given_just_when_the_rule_says_so",
                condition=Q(ros_rule=RosRule.FIXED, ros_fixed_on__isnull=False)
                | (~Q(ros_rule=RosRule.FIXED) & Q(ros_fixed_on__isnull=True)),
            ),
            models.CheckConstraint(
                name="a_requirement_has_plausible_dates",
                condition=plausible_date("ros_fixed_on")
                & plausible_date("required_on_site")
                & plausible_date("ros_before_on")
                & plausible_date("ros_pulled_on"),
            ),
            models.CheckConstraint(
                name="a_chosen_lead_time_says_why", condition=Q(lead_time__isnull=True) | ~Q(lead_time_reason="")
            ),
            models.CheckConstraint(
                name="picked_weeks_belong_to_a_chosen_lead_time",
                condition=Q(lead_time_weeks__isnull=True)
                | (Q(lead_time__isnull=False) & plausible_number("lead_time_weeks", most="520")),
            ),
            models.CheckConstraint(
                name="a_percentile_of_lead_times_gives_the_picked_weeks",
                condition=Q(lead_time_percentile__isnull=True)
                | (Q(lead_time_weeks__isnull=False) & Q(lead_time_percentile__gte=0, lead_time_percentile__lte=100)),
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(cancelled_at__isnull=False), name="cancelled_requirements"),
        ]

    def __str__(self) -> str:
        return f"{self.site.code} {self.tag}"


@pghistory.track()
class ConsideredLeadTime(Row):
    """One of the several observations whose percentile a requirement plans with; with a single one there is no row."""

    requirement = models.ForeignKey(Requirement, on_delete=models.CASCADE, related_name="considered")
    observation = models.ForeignKey(LeadTimeObservation, on_delete=models.PROTECT, related_name="considered_for")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["requirement", "observation"], name="a_requirement_considers_a_lead_time_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.observation} for {self.requirement}"


@pghistory.track()
class RosAnchor(Row):
    """What a required-on-site date hangs on: a gate, or an activity of the site schedule named by its code.

    The code names no row of one revision; `last_on` keeps the last known date where the code vanishes. `rule` is the
    rule that bound it, null where a person did.
    """

    requirement = models.ForeignKey(Requirement, on_delete=models.CASCADE, related_name="anchors")
    gate = models.ForeignKey(Gate, null=True, blank=True, on_delete=models.PROTECT, related_name="ros_anchors")
    project_code = models.CharField(max_length=80, blank=True)
    activity_code = models.CharField(max_length=80, blank=True)
    edge = models.CharField(max_length=10, choices=ActivityEdge, default=ActivityEdge.START)
    last_on = models.DateField(null=True, blank=True)
    lost_at = models.DateTimeField(null=True, blank=True, help_text=_("When the code vanished from the schedule"))
    rule = models.ForeignKey(AnchorRule, null=True, blank=True, on_delete=models.SET_NULL, related_name="anchors")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_anchor_is_a_gate_or_an_activity",
                condition=Q(gate__isnull=False, activity_code="", project_code="")
                | (Q(gate__isnull=True) & ~Q(activity_code="") & ~Q(project_code="")),
            ),
            models.UniqueConstraint(
                fields=["requirement", "gate"],
                condition=Q(gate__isnull=False),
                name="a_gate_anchors_a_requirement_once",
            ),
            models.UniqueConstraint(
                F("requirement"),
                F("project_code"),
                F("activity_code"),
                F("edge"),
                condition=Q(gate__isnull=True),
                name="an_activity_anchors_a_requirement_once",
            ),
            models.CheckConstraint(name="an_anchor_has_a_plausible_date", condition=plausible_date("last_on")),
        ]

    def __str__(self) -> str:
        return self.activity_code or str(self.gate)
