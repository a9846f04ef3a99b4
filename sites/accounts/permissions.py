"""Who may do what: verbs, and roles as data. Which person holds which role where is a Membership, one room up."""

from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Permission(TextChoices):
    SITE_VIEW = "site_view", _("See the equipment, dates and alerts of a site")
    AMOUNTS_VIEW = "amounts_view", _("See prices and damages")
    DATES_WRITE = "dates_write", _("Record promises and actual dates")
    LOCK_WRITE = "lock_write", _("Pin a date and release it")
    ORDER_WRITE = "order_write", _("Create and change orders, lines and lots")
    REQUIREMENT_WRITE = "requirement_write", _("Change requirements, allocations and required-on-site rules")
    SITE_WRITE = "site_write", _("Change sites, blocks, gates and calendars")
    POWER_WRITE = "power_write", _("Change agreements and grid connections")
    LEAD_TIME_WRITE = "lead_time_write", _("Record and choose lead-time observations")
    ALERT_WRITE = "alert_write", _("Acknowledge and snooze alerts")
    SCHEDULE_WRITE = "schedule_write", _("Upload site schedules")
    APPROVE = "approve", _("Accept schedules and re-baselines")
    PEOPLE_WRITE = "people_write", _("Grant roles and make keys")


class Role(TextChoices):
    VIEWER = "viewer", _("Viewer")
    EXPEDITER = "expediter", _("Expediter")
    BUYER = "buyer", _("Buyer")
    SITE_LEAD = "site_lead", _("Site lead")
    ENERGY_LEAD = "energy_lead", _("Energy lead")
    APPROVER = "approver", _("Approver")
    ADMINISTRATOR = "administrator", _("Administrator")
    ERP_CLIENT = "erp_client", _("ERP client")


@dataclass(frozen=True, slots=True)
class RoleGrant:
    description: str | Promise
    permissions: frozenset[Permission]


_P = Permission
ROLES: dict[Role, RoleGrant] = {
    Role.VIEWER: RoleGrant(_("Reads everything but money."), frozenset({_P.SITE_VIEW})),
    Role.EXPEDITER: RoleGrant(
        _("Chases vendors: records promises, actuals and locks, splits lots, answers alerts."),
        frozenset({_P.SITE_VIEW, _P.AMOUNTS_VIEW, _P.DATES_WRITE, _P.LOCK_WRITE, _P.ALERT_WRITE, _P.LEAD_TIME_WRITE}),
    ),
    Role.BUYER: RoleGrant(
        _("Sources and orders: everything an expediter does, and orders, allocations and requirements."),
        frozenset(
            {
                _P.SITE_VIEW,
                _P.AMOUNTS_VIEW,
                _P.DATES_WRITE,
                _P.LOCK_WRITE,
                _P.ORDER_WRITE,
                _P.REQUIREMENT_WRITE,
                _P.LEAD_TIME_WRITE,
                _P.ALERT_WRITE,
            }
        ),
    ),
    Role.SITE_LEAD: RoleGrant(
        _("Answers for a site: gates, blocks, schedules, requirements, actual dates and alerts."),
        frozenset(
            {_P.SITE_VIEW, _P.DATES_WRITE, _P.SITE_WRITE, _P.REQUIREMENT_WRITE, _P.SCHEDULE_WRITE, _P.ALERT_WRITE}
        ),
    ),
    Role.ENERGY_LEAD: RoleGrant(
        _("Answers for power: agreements, grid connections and their dates."),
        frozenset({_P.SITE_VIEW, _P.AMOUNTS_VIEW, _P.POWER_WRITE, _P.ALERT_WRITE}),
    ),
    Role.APPROVER: RoleGrant(
        _("Accepts site schedules and re-baselines."), frozenset({_P.SITE_VIEW, _P.AMOUNTS_VIEW, _P.APPROVE})
    ),
    Role.ADMINISTRATOR: RoleGrant(
        _("Sets the tracker up and grants roles; approves nothing."),
        frozenset(set(Permission) - {_P.APPROVE}),
    ),
    Role.ERP_CLIENT: RoleGrant(
        _("The ERP's service account: writes orders and dates through the API."),
        frozenset({_P.SITE_VIEW, _P.AMOUNTS_VIEW, _P.ORDER_WRITE, _P.DATES_WRITE, _P.LOCK_WRITE}),
    ),
}


def roles_with(permission: Permission) -> list[str]:
    return [role.value for role, grant in ROLES.items() if permission in grant.permissions]


class Scope(TextChoices):
    """What an API key may be used for, on top of what its account may do."""

    REFERENCE_READ = "ref:read", _("Read sites, companies and classes")
    REFERENCE_WRITE = "ref:write", _("Name vendors, sites and classes by ids of a system")
    ORDERS_READ = "po:read", _("Read purchase orders")
    ORDERS_WRITE = "po:write", _("Write purchase orders")
    DATES_WRITE = "dates:write", _("Write promises, actuals and locks")
    CONFIRMATIONS_WRITE = "conf:write", _("Record and reverse vendors' confirmations")
    RECEIPTS_WRITE = "receipt:write", _("Record and reverse receipts and shipments")
    CHANGES_WRITE = "change:write", _("Draft, approve, reject and apply change orders")
    POWER_READ = "power:read", _("Read agreements, grid connections, load ramps and the power balance")
    POWER_WRITE = "power:write", _("Write agreements, grid connections and load ramps")
    ALERTS_READ = "alert:read", _("Read alerts")
    ALERTS_WRITE = "alert:write", _("Acknowledge alerts")
    SCHEDULES_READ = "schedule:read", _("Read site schedules")
    SCHEDULES_WRITE = "schedule:write", _("Upload, accept and roll back site schedules")
    IMPORTS_READ = "import:read", _("Read imports and lists as workbooks")
    FILES_READ = "file:read", _("Read files about orders, lines and sites")
    FILES_WRITE = "file:write", _("Add and remove files")
    FEED_READ = "feed:read", _("Read the change feed")
    HOOKS_ADMIN = "hook:admin", _("Set webhook endpoints up")
    MESSAGES_ADMIN = "msg:admin", _("Read, retry and discard messages that failed")
    IMPORTS_WRITE = "import:write", _("Send, apply and undo workbooks")


# What an account has to hold, one of them, for a scope to open anything to it; of the others it is sight of a site.
OPENED_BY: dict[Scope, frozenset[Permission]] = {
    Scope.REFERENCE_WRITE: frozenset({_P.ORDER_WRITE}),
    Scope.ORDERS_WRITE: frozenset({_P.ORDER_WRITE}),
    Scope.DATES_WRITE: frozenset({_P.DATES_WRITE, _P.LOCK_WRITE, _P.POWER_WRITE}),
    Scope.CONFIRMATIONS_WRITE: frozenset({_P.DATES_WRITE}),
    Scope.RECEIPTS_WRITE: frozenset({_P.DATES_WRITE}),
    Scope.CHANGES_WRITE: frozenset({_P.ORDER_WRITE, _P.APPROVE}),
    Scope.POWER_WRITE: frozenset({_P.POWER_WRITE}),
    Scope.ALERTS_WRITE: frozenset({_P.ALERT_WRITE}),
    Scope.SCHEDULES_WRITE: frozenset({_P.SCHEDULE_WRITE, _P.APPROVE}),
    Scope.IMPORTS_WRITE: frozenset(
        {
            _P.DATES_WRITE,
            _P.ORDER_WRITE,
            _P.REQUIREMENT_WRITE,
            _P.SITE_WRITE,
            _P.LEAD_TIME_WRITE,
        }
    ),
}


def scopes_of(role: Role) -> list[str]:
    """Those that an account with this role can use."""
    held = ROLES[role].permissions
    return [scope.value for scope in Scope if held & OPENED_BY.get(scope, {_P.SITE_VIEW})]
