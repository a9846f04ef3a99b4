"""The alert rules with their thresholds per site and class: read by all, tried and set by whoever has the right."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from procurement.domain import alert_parameters
from procurement.models import AlertRuleSetting, EquipmentClass
from procurement.portal.actor import acting_user
from procurement.portal.forms.alert_rules import LABELS, Thresholds, shown
from procurement.portal.forms.base import status_of
from procurement.portal.pages.simulator import what_it_would_do
from procurement.queries.alert_rule import RuleRow, rule_at, rules_at, set_rules
from procurement.services import rule_settings
from procurement.services.alert_preview import preview
from procurement.vocabulary import Rule
from sites.accounts.models import User
from sites.domain.errors import NotFound, RuleBroken
from sites.models import Site
from sites.queries.access import can


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    site, equipment = place(request, actor)
    rows = rules_at(site.pk if site else None, equipment.pk if equipment else None)
    context = {
        "rules": [{"row": row, "values": _values(row)} for row in rows],
        "settings": [_setting(row) for row in set_rules(actor)],
        **_chosen(actor, site, equipment),
    }
    return render(request, "alerts/rules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def show(request: HttpRequest, code: str) -> HttpResponse:
    """`do=try` says who would be told; anything else saves."""
    actor = acting_user(request)
    if code not in Rule.values:
        raise Http404
    rule = Rule(code)
    site, equipment = place(request, actor)
    where = {"site_id": site.pk if site else None, "class_id": equipment.pk if equipment else None}
    row = rule_at(rule, where["site_id"], where["class_id"])
    settings = list(set_rules(actor, rule))
    here = next((each for each in settings if (each.site, each.equipment_class) == (site, equipment)), None)
    stored = here.parameters if here else {}
    form = Thresholds(request.POST or None, rule=rule, in_force=row.in_force, stored=stored)
    found, status = None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                if request.POST.get("do") == "try":
                    change = {"rule": code, "parameters": form.parameters()}
                    change |= {"site": site.code} if site else {}
                    change |= {"equipment_class": equipment.code} if equipment else {}
                    found, status = preview({"threshold": change}, actor=actor, now=timezone.now()), 200
                else:
                    rule_settings.save(
                        rule=rule, parameters=form.parameters(), reason=form.cleaned_data["reason"], actor=actor,
                        now=timezone.now(), request_id=request.META["longlead.request_id"], **where,
                    )  # fmt: skip
                    messages.success(request, _("Saved, and looked at."))
                    return redirect(request.get_full_path())
            except NotFound:
                raise Http404 from None
            except RuleBroken as refusal:
                form.refuse(refusal)
                status = status_of(refusal)
    context = {
        "rule": rule,
        "row": row,
        "values": _values(row),
        "form": form,
        "may_change": can(actor, rule_settings.right_to_set(rule), site_id=where["site_id"]),
        "settings": [_setting(each) for each in settings],
        "classes_matter": rule in alert_parameters.PER_CLASS,
        "crumbs": [(reverse("alerts"), _("Alerts")), (reverse("alert_rules"), _("Rules"))],
        **what_it_would_do(found),
        **_chosen(actor, site, equipment),
    }
    return render(request, "alerts/rule.html", context, status=status)


def place(request: HttpRequest, actor: User) -> tuple[Site | None, EquipmentClass | None]:
    """Named in the address; a place that is not there, or not to be seen, is not found."""
    site_code, class_code = (request.GET.get(name, "").replace("\x00", "")[:40] for name in ("site", "class"))
    site = Site.objects.visible_to(actor).filter(code=site_code).first() if site_code else None
    equipment = EquipmentClass.objects.filter(code=class_code).first() if class_code else None
    if (site_code and site is None) or (class_code and equipment is None):
        raise Http404
    return site, equipment


def _chosen(actor: User, site: Site | None, equipment: EquipmentClass | None) -> dict[str, Any]:
    query = {"site": site.code if site else "", "class": equipment.code if equipment else ""}
    return {
        "site": site,
        "equipment": equipment,
        "place_query": urlencode({name: value for name, value in query.items() if value}),
        "sites": list(Site.objects.visible_to(actor).order_by("code").values_list("code", "name")),
        "classes": list(EquipmentClass.objects.order_by("name", "code").values_list("code", "name")),
    }


def _values(row: RuleRow) -> list[tuple[str, str, bool]]:
    """(name, value, whether it differs from the product's default) of each threshold of the rule."""
    names = alert_parameters.names(row.rule)
    return [(str(LABELS[name]), shown(getattr(row.in_force, name)), name in row.changed) for name in names]


def _setting(row: AlertRuleSetting) -> dict[str, Any]:
    query = {
        "site": row.site.code if row.site else "",
        "class": row.equipment_class.code if row.equipment_class else "",
    }
    return {
        "row": row,
        "values": [(str(LABELS.get(name, name)), shown(value)) for name, value in row.parameters.items()],
        "url": f"{reverse('alert_rule', args=[row.rule])}?"
        + urlencode({name: value for name, value in query.items() if value}),
    }
