"""Stored answers of the engine. A slip is the difference of two runs; no row here is ever recomputed.

Each subject has one row with `current` set; a run writes only the answers that changed.
"""

from datetime import date

from django.db import models
from django.db.models import F, Q

from procurement.models.company import Company, Plant
from procurement.models.equipment import EquipmentClass
from procurement.models.lot import DeliveryLot
from procurement.models.order import ScheduleLine
from procurement.models.requirement import Requirement
from procurement.vocabulary import HistoryKind, HistoryLevel, RunCause
from sites.accounts.models import User
from sites.accounts.row import Row, plausible_number
from sites.models import Block, Chain, Site


class ForecastRun(Row):
    """`site` is null for the power portfolio. `input_hash` covers every fact the run read. `trials` is 0 where nothing
    was sampled.
    """

    site = models.ForeignKey(Site, null=True, on_delete=models.PROTECT, related_name="runs")
    as_of = models.DateField()
    engine_version = models.CharField(max_length=20)
    input_hash = models.CharField(max_length=64)
    cause = models.CharField(max_length=10, choices=RunCause)
    cause_text = models.CharField(max_length=300, blank=True)
    cause_key = models.CharField(max_length=80, blank=True, help_text="Groups what one statement or import moved")
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    changed_answers = models.PositiveIntegerField(default=0)
    trials = models.PositiveIntegerField(default=0)
    seed = models.BigIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["site", "-created_at"], name="runs_of_a_site")]

    def __str__(self) -> str:
        return f"run of {self.as_of}"


class LotForecast(Row):
    """Days are calendar days unless named working. `steps` holds per applicable step the answer of the engine, what is
    null or empty left out. `fingerprint` stands for the whole answer but the MW-days: equal answers have equal ones.
    """

    run = models.ForeignKey(ForecastRun, on_delete=models.PROTECT, related_name="lot_forecasts")
    lot = models.ForeignKey(DeliveryLot, on_delete=models.PROTECT, related_name="forecasts")
    current = models.BooleanField(default=True)
    as_of = models.DateField()
    required_on_site = models.DateField(null=True)
    forecast_on = models.DateField(null=True, help_text="At the anchor step")
    float_days = models.IntegerField(null=True)
    float_working_days = models.IntegerField(null=True)
    contract_forecast_on = models.DateField(null=True, help_text="At the contract step")
    slip_days = models.IntegerField(null=True, help_text="Of the contract step against its baseline")
    promised_on = models.DateField(null=True, help_text="The deciding promise at the contract step")
    delivered_on = models.DateField(null=True, help_text="Actual of the anchor step")
    driver_code = models.CharField(max_length=40, blank=True, help_text="The step that decides the forecast")
    driver = models.CharField(max_length=20, blank=True)
    next_code = models.CharField(max_length=40, blank=True, help_text="The next step not yet done")
    next_on = models.DateField(null=True)
    recovers_mw_days = models.DecimalField(max_digits=14, decimal_places=3, null=True)
    costs_mw_days = models.DecimalField(max_digits=14, decimal_places=3, null=True)
    steps = models.JSONField(default=list)
    fingerprint = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lot"], condition=Q(current=True), name="a_lot_has_one_current_forecast"),
            models.UniqueConstraint(fields=["run", "lot"], name="a_run_answers_a_lot_once"),
        ]
        indexes = [
            models.Index(fields=["lot", "-created_at"], name="forecasts_of_a_lot"),
            models.Index(fields=["as_of"], include=["lot"], condition=Q(current=True), name="current_forecasts_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.lot} on {self.forecast_on}"


class RequirementForecast(Row):
    """`order_by_on` and `steps` are given only while nothing is ordered for the requirement. `fingerprint` is as that
    of a lot.
    """

    run = models.ForeignKey(ForecastRun, on_delete=models.PROTECT, related_name="requirement_forecasts")
    requirement = models.ForeignKey(Requirement, on_delete=models.PROTECT, related_name="forecasts")
    current = models.BooleanField(default=True)
    as_of = models.DateField()
    ordered = models.BooleanField()
    required_on_site = models.DateField(null=True)
    forecast_on = models.DateField(null=True, help_text="When the last allocated unit is on site")
    ready_on = models.DateField(null=True, help_text="Installed and commissioned")
    ready_at_ros_on = models.DateField(null=True, help_text="Ready, had it come on site at its ROS")
    schedule_line = models.ForeignKey(
        ScheduleLine,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose lot comes last; null: unordered",
    )
    float_days = models.IntegerField(null=True)
    float_working_days = models.IntegerField(null=True)
    order_by_on = models.DateField(null=True)
    recovers_mw_days = models.DecimalField(max_digits=14, decimal_places=3, null=True)
    costs_mw_days = models.DecimalField(max_digits=14, decimal_places=3, null=True)
    steps = models.JSONField(default=list)
    fingerprint = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["requirement"], condition=Q(current=True), name="a_requirement_has_one_current_forecast"
            ),
            models.UniqueConstraint(fields=["run", "requirement"], name="a_run_answers_a_requirement_once"),
        ]
        indexes = [
            models.Index(fields=["requirement", "-created_at"], name="forecasts_of_a_requirement"),
            models.Index(
                fields=["order_by_on"], include=["requirement", "run", "as_of", "float_days", "costs_mw_days"],
                condition=Q(current=True, ordered=False), name="order_by_dates",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.requirement} on {self.forecast_on}"


class BlockForecast(Row):
    """A null date means unknown, never zero: `unknown_because` names the group or rule that has no date."""

    run = models.ForeignKey(ForecastRun, on_delete=models.PROTECT, related_name="block_forecasts")
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="forecasts")
    current = models.BooleanField(default=True)
    as_of = models.DateField()
    rfs_baseline_on = models.DateField(null=True)
    rfs_forecast_on = models.DateField(null=True)
    can_carry_on = models.DateField(null=True)
    redundant_on = models.DateField(null=True)
    decided_by = models.CharField(max_length=60, blank=True, help_text="Group code, or the site schedule")
    unknown_because = models.CharField(max_length=200, blank=True)
    it_mw = models.DecimalField(max_digits=9, decimal_places=3)
    mw_days_at_risk = models.DecimalField(max_digits=14, decimal_places=3, null=True)
    groups = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["block"], condition=Q(current=True), name="a_block_has_one_current_forecast"
            ),
            models.UniqueConstraint(fields=["run", "block"], name="a_run_answers_a_block_once"),
        ]
        indexes = [models.Index(fields=["block", "-created_at"], name="forecasts_of_a_block")]

    def __str__(self) -> str:
        return f"{self.block} on {self.rfs_forecast_on}"


class ChainForecast(Row):
    """The answer for a gate, an agreement or a grid connection."""

    run = models.ForeignKey(ForecastRun, on_delete=models.PROTECT, related_name="chain_forecasts")
    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="forecasts")
    current = models.BooleanField(default=True)
    as_of = models.DateField()
    forecast_on = models.DateField(null=True, help_text="At the anchor step")
    slip_days = models.IntegerField(null=True)
    done_on = models.DateField(null=True, help_text="Actual of the anchor step")
    next_code = models.CharField(max_length=40, blank=True)
    next_on = models.DateField(null=True)
    steps = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["chain"], condition=Q(current=True), name="a_chain_has_one_current_forecast"
            ),
            models.UniqueConstraint(fields=["run", "chain"], name="a_run_answers_a_chain_once"),
        ]
        indexes = [models.Index(fields=["chain", "-created_at"], name="forecasts_of_a_chain")]

    def __str__(self) -> str:
        return f"{self.chain} on {self.forecast_on}"


class LotProbability(Row):
    """Delivery of an open lot over the trials of a run. `on_time_percent` is the chance of being on site by the ROS,
    null without one.

    `spread` names up to three steps that drive the spread: `code`, `share_percent` of the variance, and the reference
    class its durations were drawn from: `kind`, `level`, `sample`.
    """

    run = models.ForeignKey(ForecastRun, on_delete=models.PROTECT, related_name="lot_probabilities")
    lot = models.ForeignKey(DeliveryLot, on_delete=models.PROTECT, related_name="probabilities")
    current = models.BooleanField(default=True)
    as_of = models.DateField()
    required_on_site = models.DateField(null=True)
    p50_on = models.DateField()
    p80_on = models.DateField()
    p95_on = models.DateField()
    on_time_percent = models.PositiveSmallIntegerField(null=True)
    spread = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lot"], condition=Q(current=True), name="a_lot_has_one_current_probability"
            ),
            models.CheckConstraint(
                name="the_percentiles_of_a_lot_are_ordered",
                condition=Q(p50_on__lte=F("p80_on")) & Q(p80_on__lte=F("p95_on")),
            ),
            models.CheckConstraint(
                name="the_chance_of_a_lot_is_a_percentage",
                condition=plausible_number("on_time_percent", most="100"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lot} on {self.p80_on} (P80)"

    def chance_by(self, required_on: date | None) -> int | None:
        """None where the futures were counted by another day: the ROS has moved since."""
        return self.on_time_percent if self.required_on_site == required_on else None


class BlockProbability(Row):
    """Ready for service over the trials of a run; null dates are not known, and `unknown_because` names the groups.

    `on_time_percent` is the chance of being ready by the baseline, null without one.
    """

    run = models.ForeignKey(ForecastRun, on_delete=models.PROTECT, related_name="block_probabilities")
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="probabilities")
    current = models.BooleanField(default=True)
    as_of = models.DateField()
    rfs_baseline_on = models.DateField(null=True)
    p50_on = models.DateField(null=True)
    p80_on = models.DateField(null=True)
    p95_on = models.DateField(null=True)
    on_time_percent = models.PositiveSmallIntegerField(null=True)
    unknown_because = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["block"], condition=Q(current=True), name="a_block_has_one_current_probability"
            ),
            models.CheckConstraint(
                name="the_percentiles_of_a_block_are_ordered",
                condition=Q(p50_on__isnull=True, p80_on__isnull=True, p95_on__isnull=True)
                | Q(p95_on__isnull=False, p50_on__lte=F("p80_on"), p80_on__lte=F("p95_on")),
            ),
            models.CheckConstraint(
                name="the_chance_of_a_block_is_a_percentage",
                condition=plausible_number("on_time_percent", most="100"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.block} on {self.p80_on} (P80)"

    def chance_by(self, baseline_on: date | None) -> int | None:
        """None where the futures were counted by another day: the baseline has moved since."""
        return self.on_time_percent if self.rfs_baseline_on == baseline_on else None


class DueDraw(Row):
    """A lot or a block whose dates have changed since its futures were drawn: its percentiles and chance are not shown
    until a worker has drawn them. `run` is the last calculation that changed the dates; no draw from before it counts.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="due_draws")
    run = models.ForeignKey(ForecastRun, on_delete=models.PROTECT, related_name="due_draws")
    lot = models.OneToOneField(DeliveryLot, null=True, on_delete=models.CASCADE, related_name="due_draw")
    block = models.OneToOneField(Block, null=True, on_delete=models.CASCADE, related_name="due_draw")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="what_is_due_to_be_drawn_is_a_lot_or_a_block",
                condition=Q(lot__isnull=True, block__isnull=False) | Q(lot__isnull=False, block__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"due: {self.lot or self.block}"


class StepHistory(Row):
    """How long a step of one reference class took, as a share of what was expected; learnt anew once a day.

    `quantiles` are thousandths of the plan (1000: as planned), evenly spaced from the shortest to the longest of
    `sample` completed steps. A promise has a history for each landmark (the place of its days to go) and `carried`,
    the thousandths of a delay before it that moved it. Company is the maker, else the seller; null where the level does
    not look at it.
    """

    as_of = models.DateField()
    kind = models.CharField(max_length=10, choices=HistoryKind)
    level = models.CharField(max_length=16, choices=HistoryLevel)
    code = models.CharField(max_length=40)
    landmark = models.PositiveSmallIntegerField(null=True)
    carried = models.PositiveSmallIntegerField(default=1000)
    equipment_class = models.ForeignKey(
        EquipmentClass, null=True, on_delete=models.CASCADE, related_name="step_histories"
    )
    company = models.ForeignKey(Company, null=True, on_delete=models.CASCADE, related_name="step_histories")
    plant = models.ForeignKey(Plant, null=True, on_delete=models.CASCADE, related_name="step_histories")
    sample = models.PositiveIntegerField()
    quantiles = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "level", "code", "landmark", "equipment_class", "company", "plant"],
                nulls_distinct=False,
                name="a_reference_class_has_one_history",
            ),
            models.CheckConstraint(
                condition=Q(kind=HistoryKind.PROMISE, landmark__isnull=False)
                | Q(kind=HistoryKind.DURATION, landmark__isnull=True),
                name="only_a_promise_has_a_landmark",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code} at level {self.level} ({self.sample})"


class Backtest(Row):
    """What forecasts of the past were worth: `scores` holds one entry a group of lines, as the page shows them."""

    as_of = models.DateField()
    horizon_days = models.PositiveIntegerField()
    trials = models.PositiveIntegerField()
    seed = models.BigIntegerField(default=0)
    origins = models.PositiveIntegerField(help_text="Days in the past from which was forecast")
    forecasts = models.PositiveIntegerField(help_text="Lines and origins together")
    scores = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(fields=["-created_at"], name="backtests_by_age")]

    def __str__(self) -> str:
        return f"back-test of {self.as_of} over {self.horizon_days} days"
