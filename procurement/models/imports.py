"""Workbooks that were read: the bytes, every row of them with what became of it, and how columns were understood."""

import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from procurement.models.company import Company
from procurement.vocabulary import ImportKind, ImportState, ImportWork, RowOutcome
from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date
from sites.models.site import holds_portfolio

_WAITING_OR_DONE = [ImportState.STAGED, ImportState.APPLIED]


class ImportBatchQuerySet(models.QuerySet["ImportBatch"]):
    def visible_to(self, actor: User) -> "ImportBatchQuerySet":
        """Whoever sent it, and who may see every site: the file may hold rows of any."""
        return self.filter(Q(uploaded_by=actor) | Q(holds_portfolio(actor)))


@pghistory.track(exclude=["content"])
class ImportBatch(Row):
    """One file read for one kind of record. `header_row` counts from 1, as a person sees it.

    `mapping` is field to column letters, `columns_unread` letters to title of columns that hold something nobody reads,
    `declared` what the sender said of the file (encoding, day order, decimal mark). `stated_on` is the day the file
    speaks of, `company` whose file it is; null where nobody's.
    `work` is what was asked for and is still to be done apart from the call, `work_said` what was said with it, and
    `problem` why it came to nothing the last time.
    """

    kind = models.CharField(max_length=20, choices=ImportKind)
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.STAGED)
    file_name = models.CharField(max_length=200)
    file_sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    sheet = models.CharField(max_length=120)
    header_row = models.PositiveIntegerField()
    mapping = models.JSONField(default=dict)
    columns_unread = models.JSONField(default=dict)
    declared = models.JSONField(default=dict)
    shape = models.CharField(max_length=64, blank=True)
    company = models.ForeignKey(Company, null=True, blank=True, on_delete=models.PROTECT, related_name="imports")
    stated_on = models.DateField()
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="imports")
    rows_read = models.PositiveIntegerField(default=0)
    rows_accepted = models.PositiveIntegerField(default=0)
    rows_refused = models.PositiveIntegerField(default=0)
    rows_blank = models.PositiveIntegerField(default=0)
    applied_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    applied_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undo_reason = models.CharField(max_length=500, blank=True)
    work = models.CharField(max_length=10, choices=ImportWork, blank=True)
    work_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    work_asked_at = models.DateTimeField(null=True, blank=True)
    work_said = models.JSONField(default=dict)
    work_attempts = models.PositiveSmallIntegerField(default=0)
    work_rows = models.PositiveIntegerField(null=True, blank=True, help_text=_("Rows found so far"))
    problem = models.CharField(max_length=500, blank=True)

    objects = ImportBatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["file_sha256", "kind", "sheet", "mapping", "header_row", "declared", "stated_on"],
                condition=Q(state__in=_WAITING_OR_DONE),
                name="the_same_file_is_imported_once",
            ),
            models.CheckConstraint(
                name="rows_read_are_accepted_refused_or_blank",
                condition=Q(rows_read=F("rows_accepted") + F("rows_refused") + F("rows_blank")),
            ),
            models.CheckConstraint(
                name="an_applied_import_says_who_and_when",
                condition=~Q(state__in=[ImportState.APPLIED, ImportState.UNDONE])
                | Q(applied_by__isnull=False, applied_at__isnull=False),
            ),
            models.CheckConstraint(
                name="an_undone_import_says_who_when_and_why",
                condition=~Q(state=ImportState.UNDONE)
                | (Q(undone_by__isnull=False, undone_at__isnull=False) & ~Q(undo_reason="")),
            ),
            models.CheckConstraint(name="an_import_speaks_of_a_plausible_day", condition=plausible_date("stated_on")),
            models.CheckConstraint(
                name="work_on_an_import_says_who_asked_and_when",
                condition=Q(work="") | Q(work_by__isnull=False, work_asked_at__isnull=False),
            ),
            models.CheckConstraint(
                name="an_import_that_was_not_read_yet_is_worked_on",
                condition=~Q(state=ImportState.RECEIVED) | Q(work=ImportWork.PREVIEW),
            ),
            models.CheckConstraint(
                name="a_refused_import_says_why", condition=~Q(state=ImportState.REFUSED) | ~Q(problem="")
            ),
        ]
        indexes = [
            models.Index(fields=["work_asked_at"], name="imports_to_be_worked_on", condition=~Q(work="")),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.get_kind_display()})"


class ImportRow(Row):
    """One row of the file, `number` as a person counts it. `cells` are what was sent, as text by field.

    `changes` is a list of {field, old, new}; `refusals` of {address, field, message}. `written` names what applying
    it wrote, for the way back; `left` says why undoing it left something.
    """

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=RowOutcome)
    cells = models.JSONField(default=dict)
    changes = models.JSONField(default=list)
    refusals = models.JSONField(default=list)
    subject = models.CharField(max_length=200, blank=True)
    written = models.JSONField(default=dict)
    left = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="a_row_of_a_file_is_read_once"),
            models.CheckConstraint(
                name="a_refused_row_says_why",
                condition=(Q(outcome=RowOutcome.REFUSED) & ~Q(refusals=[]))
                | (~Q(outcome=RowOutcome.REFUSED) & Q(refusals=[])),
            ),
        ]

    def __str__(self) -> str:
        return f"row {self.number} of {self.batch}"


@pghistory.track()
class ColumnMappingMemory(Row):
    """How the columns of files of one shape were last understood, of one company's files (null: anybody's)."""

    company = models.ForeignKey(Company, null=True, blank=True, on_delete=models.CASCADE, related_name="mappings")
    kind = models.CharField(max_length=20, choices=ImportKind)
    shape = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict)
    declared = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["company", "kind", "shape"], name="a_shape_of_file_is_remembered_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.company or 'anybody'}"
