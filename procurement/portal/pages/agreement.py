"""One agreement: what it says, how its dates stand and why, and the forms that change it or say something new."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from procurement.portal import words
from procurement.portal.actor import acting_user
from procurement.portal.agreement_words import GROUPS
from procurement.portal.forms.agreement import (
    FIELDS_OF,
    ROW_FORMS,
    CloseCondition,
    ImportRecord,
    ServeNotice,
    SharesForm,
    StateForm,
    TermsForm,
)
from procurement.portal.forms.base import PortalForm, attempt, status_of
from procurement.portal.forms.rows import RowsForm
from procurement.portal.pages.power_chain import chain_part
from procurement.portal.templatetags.portal import amount, day
from procurement.queries import power
from procurement.queries.agreement import MONEY, OF_A_SHARE, Sight, document, sight
from procurement.queries.contract_clocks import clocks_visible_to
from procurement.services import agreements
from sites.accounts.models import User
from sites.domain.agreement_state import moves_from
from sites.domain.errors import NotPermitted, RuleBroken
from sites.models import PowerPurchaseAgreement, Site
from sites.queries.agreements import document_of, record_of
from sites.readers import agreement_record
from sites.vocabulary import AgreementState

# What of a stored row a form does not show stays as it is; rows are known again by these.
_KEYS: Final = {"shares": ("site", "from_on"), "conditions": ("number",), "notices": ("number",)}


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    return page(request, actor, _find(actor, key), timezone.now())


@require_safe
@login_required
def export(request: HttpRequest, key: UUID) -> HttpResponse:
    """The published record, as far as the reader may know it."""
    actor = acting_user(request)
    found = _find(actor, key)
    answer = JsonResponse(document(actor, found, sight(actor, found)), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="{found.code.replace("/", "-")}.json"'
    return answer


@require_safe
@login_required
def published_schema(request: HttpRequest) -> HttpResponse:
    return JsonResponse(agreement_record.schema(), json_dumps_params={"indent": 2})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def bring_in(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    form = ImportRecord(request.POST or None)
    status = 200 if request.method != "POST" else 422
    if request.method == "POST" and form.is_valid():
        try:
            record = agreement_record.read(form.cleaned_data["record"])
            saved = agreements.save(record, actor=actor, now=timezone.now(), reason="record imported")
        except RuleBroken as refusal:
            form.refuse(refusal)
            status = status_of(refusal)
        else:
            messages.success(request, _("The agreement is saved."))
            return redirect("agreement", key=saved.agreement.pk)
    context = {"form": form, "crumbs": [(reverse("agreements"), _("Power purchase agreements"))]}
    return render(request, "power/import.html", context, status=status)


@require_POST
@login_required
def save_terms(request: HttpRequest, key: UUID, group: str) -> HttpResponse:
    if group not in FIELDS_OF:
        raise Http404
    actor = acting_user(request)
    found = _find(actor, key)
    form = TermsForm(request.POST, group=group)
    return _try(request, actor, found, form, f"terms-{group}", lambda now: _save(found, form.said(), actor, now))


@require_POST
@login_required
def save_shares(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    found = _find(actor, key)
    form = SharesForm(request.POST, sites=_sites(actor))
    return _try(request, actor, found, form, "shares", lambda now: _save_rows(found, form, actor, now))


@require_POST
@login_required
def save_rows(request: HttpRequest, key: UUID, name: str) -> HttpResponse:
    if name not in ROW_FORMS:
        raise Http404
    actor = acting_user(request)
    found = _find(actor, key)
    form = ROW_FORMS[name](request.POST)
    return _try(request, actor, found, form, name, lambda now: _save_rows(found, form, actor, now))


@require_POST
@login_required
def move(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    found = _find(actor, key)
    form = StateForm(request.POST, states=moves_from(AgreementState(found.state)))

    def act(now: datetime) -> str:
        state = AgreementState(form.cleaned_data["state"])
        agreements.move(
            agreement_id=found.pk, state=state, signed_on=form.cleaned_data["signed_on"], actor=actor, now=now
        )
        return _("The agreement is now in state %(state)s.") % {"state": state.label}

    return _try(request, actor, found, form, "state", act)


@require_POST
@login_required
def close_condition(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    found = _find(actor, key)
    form = _condition_form(found, request.POST)

    def act(now: datetime) -> str:
        cleaned = form.cleaned_data
        agreements.close_condition(
            condition_id=UUID(cleaned["condition"]),
            on=cleaned["on"],
            waived=cleaned["waived"],
            document=cleaned["document"],
            actor=actor,
            now=now,
        )
        return _("The condition is closed.")

    return _try(request, actor, found, form, "close-condition", act)


@require_POST
@login_required
def serve_notice(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    found = _find(actor, key)
    form = _notice_form(found, request.POST)

    def act(now: datetime) -> str:
        cleaned = form.cleaned_data
        agreements.serve_notice(
            notice_id=UUID(cleaned["notice"]), on=cleaned["on"], document=cleaned["document"], actor=actor, now=now
        )
        return _("The notice is recorded as served.")

    return _try(request, actor, found, form, "serve-notice", act)


# -- what the doors share --------------------------------------------------------------------------------------------


def _find(actor: User, key: UUID) -> PowerPurchaseAgreement:
    found = power.find_agreement(actor, key)
    if found is None:
        raise Http404
    return found


def _sites(actor: User) -> list[tuple[str, str]]:
    return [
        (code, f"{code} {name}")
        for code, name in Site.objects.visible_to(actor).order_by("code").values_list("code", "name")
    ]


def _save(found: PowerPurchaseAgreement, changed: Mapping[str, Any], actor: User, now: datetime) -> str:
    """The stored record with some of it changed, through the one way in."""
    _check_sight(found, actor)
    record = agreement_record.of(document_of(record_of(found)) | dict(changed))
    agreements.save(record, actor=actor, now=now, reason=", ".join(sorted(changed)))
    return _("The agreement is saved.")


def _save_rows(found: PowerPurchaseAgreement, form: RowsForm, actor: User, now: datetime) -> str:
    _check_sight(found, actor)
    keys = _KEYS[form.path]
    stored = {
        tuple(str(row.get(name) or "") for name in keys): row
        for row in document_of(record_of(found)).get(form.path, [])
    }
    rows = []
    for said in form.said_rows():
        kept = dict(stored.get(tuple(str(said.get(name) or "") for name in keys), {}))
        for name, value in said.items():
            kept.pop(name, None)
            if value not in (None, ""):
                kept[name] = value
        rows.append(kept)
    return _save(found, {form.path: rows}, actor, now)


def _check_sight(found: PowerPurchaseAgreement, actor: User) -> None:
    """Who sees a part of it would write the rest away. Raises NotPermitted."""
    if not sight(actor, found).may_write:
        raise NotPermitted(_("Changing an agreement needs the right at every site that it supplies."))


def _try(
    request: HttpRequest,
    actor: User,
    found: PowerPurchaseAgreement,
    form: PortalForm,
    name: str,
    act: Callable[[datetime], str],
) -> HttpResponse:
    now = timezone.now()

    def done() -> HttpResponse:
        messages.success(request, act(now))
        return redirect("agreement", key=found.pk)

    def again(status: int) -> HttpResponse:
        return page(request, actor, _find(actor, found.pk), now, refused={name: form}, status=status)

    return attempt(form, done, again)


# -- the page ----------------------------------------------------------------------------------------------------------


def page(
    request: HttpRequest,
    actor: User,
    found: PowerPurchaseAgreement,
    now: datetime,
    *,
    refused: Mapping[str, PortalForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    seen, today = sight(actor, found), now.date()
    view = power.agreement_view(actor, found)
    first = min((each.energised_on for each in view.shares if each.energised_on), default=None)
    chain = chain_part(
        found.chain, view.answer, actor_may_write=seen.may_write, today=today, required_on=first, refused=refused or {}
    )
    context: dict[str, Any] = {
        "view": view,
        "seen": seen,
        "chain": chain,
        "groups": _groups(found, seen),
        "forms": _forms(found, seen, actor, refused or {}),
        "clocks": [
            {"row": each, "state": each.clock.state(today), "left": each.clock.days_left(today)}
            for each in clocks_visible_to(actor, today)
            if each.clock.agreement == found.pk
        ]
        if seen.is_whole
        else [],
        "crumbs": [(reverse("agreements"), _("Power purchase agreements"))],
    }
    if seen.is_whole:
        context |= {
            "conditions": found.conditions.select_related("owner").order_by("number"),
            "documents": found.documents.order_by("dated_on", "reference"),
            "share_steps": {share.share.pk: share.share.steps.order_by("from_on") for share in view.shares},
        }
    if seen.amounts:
        context |= {
            "damages": found.delay_damages.prefetch_related("bands").order_by("direction"),
            "credit": found.credit_support.select_related("owner").order_by("given_by", "expires_on"),
        }
    return render(request, "power/agreement.html", context, status=status)


def _groups(found: PowerPurchaseAgreement, seen: Sight) -> list[dict[str, Any]]:
    """The fields of the agreement in words, as far as the reader may know them."""
    groups = []
    for key, title, fields in GROUPS:
        rows = [
            (label, _shown(found, name))
            for name, label in fields.items()
            if (seen.is_whole or name in OF_A_SHARE) and (seen.amounts or name not in MONEY)
        ]
        if rows:
            groups.append({"key": key, "title": title, "rows": rows})
    return groups


def _shown(found: PowerPurchaseAgreement, name: str) -> str:
    value = getattr(found, name)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, Decimal):
        plain = value.normalize()
        return amount(plain, max(0, -int(plain.as_tuple().exponent)))
    if value in (None, ""):
        return words.day(None)
    display = getattr(found, f"get_{name}_display", None)
    return str(display() if display else value)


def _forms(
    found: PowerPurchaseAgreement, seen: Sight, actor: User, refused: Mapping[str, PortalForm]
) -> list[dict[str, Any]]:
    """Those of a writer; one that was refused is shown whatever the rights, with its message."""
    offered: list[tuple[str, str, str, PortalForm, str]] = []
    if seen.may_write:
        offered = _offered(found, actor)
    names = {name for name, *_rest in offered}
    offered += [(name, "edit", _("Not saved"), form, "") for name, form in refused.items() if name not in names]
    return [
        {
            "name": name,
            "icon": sign,
            "title": title,
            "form": refused.get(name, form),
            "url": url,
            "is_open": name in refused,
            "is_rows": isinstance(form, RowsForm),
        }
        for name, sign, title, form, url in offered
        if not name.startswith("date-")
    ]


def _offered(found: PowerPurchaseAgreement, actor: User) -> list[tuple[str, str, str, PortalForm, str]]:
    record = record_of(found)
    offered: list[tuple[str, str, str, PortalForm, str]] = []
    states = moves_from(AgreementState(found.state))
    if states:
        offered.append(
            ("state", "arrow-right", _("Change the state"), StateForm(states=states), _url("agreement_state", found))
        )
    conditions, notices = _condition_form(found), _notice_form(found)
    if conditions.fields["condition"].choices:  # type: ignore[attr-defined]
        url = _url("agreement_close_condition", found)
        offered.append(("close-condition", "check", _("Close a condition"), conditions, url))
    if notices.fields["notice"].choices:  # type: ignore[attr-defined]
        url = _url("agreement_serve_notice", found)
        offered.append(("serve-notice", "mail", _("Record a notice as served"), notices, url))
    shares = SharesForm(initial_rows=[row.model_dump() for row in record.shares], sites=_sites(actor))
    offered.append(("shares", "bolt", _("Change the shares"), shares, _url("agreement_shares", found)))
    for name, title in (("conditions", _("Change the conditions")), ("notices", _("Change the notices"))):
        rows = [row.model_dump() for row in getattr(record, name)]
        of_rows = ROW_FORMS[name](initial_rows=rows)
        offered.append((name, "list-details", title, of_rows, _url("agreement_rows", found, name)))
    for key, title_of, _fields in GROUPS:
        initial = {name: getattr(found, name) for name in FIELDS_OF[key]}
        title = _("Change: %(group)s") % {"group": str(title_of).lower()}
        form = TermsForm(group=key, initial=initial)
        offered.append((f"terms-{key}", "edit", title, form, _url("agreement_terms", found, key)))
    return offered


def _url(name: str, found: PowerPurchaseAgreement, *more: str) -> str:
    return reverse(name, args=[found.pk, *more])


def _condition_form(found: PowerPurchaseAgreement, data: Any = None) -> CloseCondition:
    form = CloseCondition(data, auto_id="close-field-%s")
    rows = found.conditions.filter(met_on__isnull=True, waived_on__isnull=True).order_by("number")
    form.choose("condition", [(str(row.pk), f"{row.number}. {row.text}") for row in rows])
    return form


def _notice_form(found: PowerPurchaseAgreement, data: Any = None) -> ServeNotice:
    form = ServeNotice(data, auto_id="serve-field-%s")
    rows = found.notices.filter(served_on__isnull=True).order_by("number")
    form.choose("notice", [(str(row.pk), f"{row.number}. {row.subject}") for row in rows])
    return form
