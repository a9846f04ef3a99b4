"""Asking a vendor about its open lots, and what became of each question."""

import pghistory
from django.db import models
from django.db.models import Exists, OuterRef, Q

from procurement.models.company import Company
from procurement.models.imports import ImportBatch
from procurement.models.lot import DeliveryLot
from procurement.vocabulary import QuestionState, VendorQuestionKind
from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date
from sites.models import Milestone


class VendorRoundQuerySet(models.QuerySet["VendorRound"]):
    def visible_to(self, actor: User) -> "VendorRoundQuerySet":
        """Whoever may see one of the lots it asks about."""
        asked = VendorQuestion.objects.filter(round=OuterRef("pk"), lot__in=DeliveryLot.objects.visible_to(actor))
        return self.filter(Exists(asked))


@pghistory.track(exclude=["link_hash"])
class VendorRound(Row):
    """One go at one vendor. `link_hash` is of the secret in the vendor's link; empty where none was made.

    `language` is that of the workbook and of the page behind the link.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="rounds")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_on = models.DateField()
    language = models.CharField(max_length=8, default="en")
    link_hash = models.CharField(max_length=64, blank=True)
    link_expires_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = VendorRoundQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["link_hash"], condition=~Q(link_hash=""), name="a_vendor_link_leads_to_one_round"
            ),
            models.CheckConstraint(name="a_round_was_asked_on_a_plausible_day", condition=plausible_date("asked_on")),
            models.CheckConstraint(
                name="a_vendor_link_has_an_end",
                condition=Q(link_hash="", link_expires_at__isnull=True)
                | (~Q(link_hash="") & Q(link_expires_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.company} {self.asked_on}"


class VendorQuestionQuerySet(models.QuerySet["VendorQuestion"]):
    def visible_to(self, actor: User) -> "VendorQuestionQuerySet":
        return self.filter(lot__in=DeliveryLot.objects.visible_to(actor))


@pghistory.track()
class VendorQuestion(Row):
    """What we asked of one lot. `held` is the date we held then, as text; empty where there was none.

    `answer` is the import that brought the answer, or the row that came back blank.
    """

    round = models.ForeignKey(VendorRound, on_delete=models.CASCADE, related_name="questions")
    lot = models.ForeignKey(DeliveryLot, on_delete=models.PROTECT, related_name="vendor_questions")
    milestone = models.ForeignKey(Milestone, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=VendorQuestionKind)
    held = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=12, choices=QuestionState, default=QuestionState.ASKED)
    answer = models.ForeignKey(ImportBatch, null=True, blank=True, on_delete=models.PROTECT, related_name="answers")

    objects = VendorQuestionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "lot"], name="a_round_asks_about_a_lot_once"),
            models.CheckConstraint(
                name="a_question_that_came_back_names_the_file",
                condition=Q(state=QuestionState.ASKED, answer__isnull=True)
                | (~Q(state=QuestionState.ASKED) & Q(answer__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lot}: {self.kind}"
