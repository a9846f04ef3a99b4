"""The first five minutes: one late chiller followed from the list to what it does and who is told."""

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext_lazy as _

from procurement.models import Allocation, DeliveryLot, LotForecast
from sites.accounts.models import User

_SAID: Final[tuple[tuple[str | Lazy, str | Lazy], ...]] = (
    (
        _("What is late"),
        _("The log shows one row a delivery. Float is required on site minus forecast: below zero is late. "
          "Why says in a few words which step decides."),
    ),
    (
        _("One late unit"),
        _("Here is all that is known of its dates: the contract, every promise as the vendor said it, what has "
          "happened, and the forecast with its reason. Say something new in the forms below the figures."),
    ),
    (
        _("Why it is needed then"),
        _("A requirement hangs on a gate of the site. Its required-on-site day is counted back from there, and the "
          "order-by date from the lead time."),
    ),
    (
        _("What it does to the site"),
        _("The block it serves is ready when the last unit it needs is. What threatens a block stands first, by "
          "MW-days."),
    ),
    (
        _("Who is told"),
        _("An alert goes to who answers for it, once, and stays until somebody acknowledges it or the date recovers."),
    ),
    (
        _("Keep your own list"),
        _("Save filters, columns and sort under a name. The view can come by mail, as a calendar or as a workbook."),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TourStep:
    number: int
    steps: int
    title: str | Lazy
    text: str | Lazy
    before_url: str
    after_url: str
    leave_url: str


def tour(request: HttpRequest) -> TourStep | None:
    """The step that the address asks for with `tour`; None where it asks for none. Two queries where it does."""
    said, person = request.GET.get("tour", ""), request.user
    if not (said.isascii() and said.isdigit() and len(said) == 1) or not isinstance(person, User):
        return None
    number = int(said)
    pages = addresses(person)
    if not 1 <= number <= len(pages):
        return None
    return TourStep(
        number=number,
        steps=len(pages),
        title=_SAID[number - 1][0],
        text=_SAID[number - 1][1],
        before_url=pages[number - 2] if number > 1 else "",
        after_url=pages[number] if number < len(pages) else "",
        leave_url=request.path,
    )


def addresses(person: User) -> list[str]:
    """Of each step. Where nothing is late or nothing is ordered yet, its steps lead to the log and the portfolio."""
    late = (
        LotForecast.objects.filter(
            current=True,
            delivered_on__isnull=True,
            lot__in=DeliveryLot.objects.visible_to(person),
            lot__schedule_line__site__isnull=False,
        )
        .select_related("lot__schedule_line__site")
        .order_by("float_days", "pk")
    )
    chosen = late.filter(lot__schedule_line__line__equipment_class__name__icontains="chiller").first() or late.first()
    line = chosen.lot.schedule_line if chosen else None
    served = Allocation.objects.filter(lot=chosen.lot, ended_at__isnull=True).first() if chosen else None
    log = reverse("log")
    site = line.site if line else None
    pages = [
        f"{log}?late=1",
        reverse("line", args=[line.pk]) if line else f"{log}?shown=all",
        reverse("requirement", args=[served.requirement_id]) if served else f"{log}?shown=unordered",
        reverse("site", args=[site.code]) if site else reverse("portfolio"),
        reverse("alerts"),
        f"{reverse('views')}?of=late%3D1",
    ]
    return [f"{page}{'&' if '?' in page else '?'}tour={place}" for place, page in enumerate(pages, start=1)]
