"""What the portal's own pages list - mails, views, rules, activities, set-up -, as rows of a workbook."""

from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from procurement.domain import alert_parameters
from procurement.models import PurchaseOrder
from procurement.portal.change_order_words import changed_values
from procurement.portal.context import zone_of
from procurement.portal.forms.alert_rules import LABELS, shown
from procurement.portal.listing import Listing, at_most
from procurement.portal.pages import alert_rules
from procurement.queries.alert_rule import rules_at, set_rules
from procurement.queries.log_address import views_of
from procurement.queries.mailbox import mails
from procurement.queries.schedule_activities import ActivityFilter, activities
from procurement.queries.schedule_revisions import find_revision
from procurement.services import change_orders, deliveries, set_up
from procurement.services.set_up_tables import TABLES
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.queries.access import can


def mail_rows(_request: HttpRequest, actor: User) -> Listing:
    if not settings.MAIL_TO_MAILBOX:
        raise Http404
    titles = [_("Subject"), _("To"), _("E-mail"), _("Lane"), _("Site"), _("Sent")]
    zone = zone_of(actor)
    return titles, [
        (
            row.subject,
            str(row.recipient),
            row.address,
            row.get_lane_display(),
            row.site.code if row.site else None,
            row.sent_at.astimezone(zone),
        )
        for row in at_most(mails(actor).defer("body_text", "body_html", "wire", "headers"))
    ]


def undelivered_rows(_request: HttpRequest, actor: User) -> Listing:
    titles = [
        _("Message"), _("To"), _("E-mail"), _("Site"), _("Written"), _("Attempts"), _("Code"),
        _("Answer of the server"),
    ]  # fmt: skip
    zone = zone_of(actor)
    return titles, [
        (
            row.subject,
            str(row.endpoint or row.recipient),
            "" if row.endpoint else row.address,
            row.site.code if row.site else None,
            row.released_at.astimezone(zone) if row.released_at else None,
            row.attempts,
            row.last_code,
            row.last_answer,
        )
        for row in at_most(deliveries.undelivered(actor).defer("body_text", "body_html", "wire", "headers"))
    ]


def view_rows(_request: HttpRequest, actor: User) -> Listing:
    titles = [_("View"), _("List"), _("Whose"), _("Everybody"), _("Role that begins with it"), _("What it asks")]
    return titles, [
        (
            view.name,
            view.get_listing_display(),
            str(view.owner),
            _("yes") if view.shared else _("no"),
            view.get_default_for_display() if view.default_for else None,
            view.query,
        )
        for view in views_of(actor)
    ]


def rule_rows(request: HttpRequest, actor: User) -> Listing:
    """What holds at the place in the address."""
    site, equipment = alert_rules.place(request, actor)
    titles = [_("Rule"), _("Threshold"), _("Value"), _("Set")]
    return titles, [
        (
            row.rule.label,
            str(LABELS[name]),
            _typed(getattr(row.in_force, name)),
            _("yes") if name in row.changed else None,
        )
        for row in rules_at(site.pk if site else None, equipment.pk if equipment else None)
        for name in alert_parameters.names(row.rule)
    ]


def setting_rows(_request: HttpRequest, actor: User) -> Listing:
    """What was set where; what is not named here holds as the product has it."""
    titles = [_("Rule"), _("Site"), _("Class"), _("Threshold"), _("Value"), _("Reason"), _("Set by")]
    return titles, [
        (
            row.get_rule_display(),
            row.site.code if row.site else _("Everywhere"),
            row.equipment_class.name if row.equipment_class else _("every class"),
            str(LABELS.get(name, name)),
            _typed(value),
            row.reason,
            str(row.set_by or ""),
        )
        for row in at_most(set_rules(actor))
        for name, value in row.parameters.items()
    ]


def _typed(value: object) -> object:
    return value if isinstance(value, int) and not isinstance(value, bool) else shown(value)


def change_rows(request: HttpRequest, actor: User) -> Listing:
    """Of the `order` in the address; amounts are in sight only with rights at all of it."""
    order = PurchaseOrder.objects.amounts_visible_to(actor).filter(pk=_key(request.GET.get("order", ""))).first()
    if order is None:
        raise Http404
    titles = [
        _("Order"), _("Number"), _("State"), _("Reason"), _("Adds to the price"), _("Currency"), _("New baseline"),
        _("Drafted by"), _("Approved by"), _("Applied"), _("What changes"),
    ]  # fmt: skip
    zone = zone_of(actor)
    rows = change_orders.in_sight(actor).filter(order=order).order_by("-created_at")
    return titles, [
        (
            order.number,
            row.number,
            row.get_state_display(),
            row.reason,
            row.amount,
            row.currency if row.amount is not None else None,
            _("yes") if row.rebaseline else None,
            str(row.author),
            str(row.approved_by or ""),
            row.applied_at.astimezone(zone) if row.applied_at else None,
            "; ".join(
                f"{each.place} {each.field}: {each.before or '–'} → {each.after or '–'}".strip()
                for each in changed_values(*change_orders.values_of(row))
            ),
        )
        for row in at_most(rows)
    ]


def activity_rows(request: HttpRequest, actor: User) -> Listing:
    """Of the `revision` in the address, as its page is filtered."""
    revision = find_revision(actor, _key(request.GET.get("revision", "")))
    if revision is None:
        raise Http404
    titles = [
        _("Activity"), _("Name"), _("WBS"), _("Status"), _("Kind"), _("Start"), _("Started on"), _("Finish"),
        _("Finished on"), _("Float, days"), _("On the longest path"),
    ]  # fmt: skip
    rows, days = activities(revision, ActivityFilter.of(request.GET.dict()))
    return titles, [
        (
            row.code,
            row.name,
            row.wbs,
            row.get_status_display(),
            row.get_kind_display(),
            row.start_on,
            row.actual_start.date() if row.actual_start else None,
            row.finish_on,
            row.actual_finish.date() if row.actual_finish else None,
            days(row),
            _("yes") if row.is_driving else None,
        )
        for row in at_most(rows)
    ]


def _key(said: str) -> UUID:
    try:
        return UUID(said)
    except ValueError:
        raise Http404 from None


def set_up_rows(request: HttpRequest, actor: User) -> Listing:
    """The set-up list of the `kind` in the address, in the columns that its page takes as pasted rows."""
    if not can(actor, Permission.PEOPLE_WRITE, site_id=None):
        raise PermissionDenied
    table = TABLES.get(request.GET.get("kind", ""))
    if table is None:
        raise Http404
    return [str(column.label) for column in table.columns], [
        set_up.shown(table, row) for row in at_most(set_up.rows_of(table))
    ]
