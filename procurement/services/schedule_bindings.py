"""What of ours hangs on the activities of a project: as it stands, what an acceptance changed of it, and put back."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Model, Q

from procurement.models import Requirement, RosAnchor
from procurement.vocabulary import RosRule
from sites.models import Gate

# Table, its fields that an acceptance may change. The required date itself is computed from the others.
_FIELDS: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "gate": (Gate, ("project_code", "activity_code", "activity_edge", "followed_on", "lost_at", "rule_id")),
    "anchor": (
        RosAnchor,
        (
            "requirement_id",
            "gate_id",
            "project_code",
            "activity_code",
            "edge",
            "last_on",
            "lost_at",
            "rule_id",
            "created_at",  # one that is put back was not bound since
        ),
    ),
    "requirement": (Requirement, ("ros_rule", "ros_fixed_on", "required_on_site")),
}
_ORDER = {"requirement": 0, "gate": 1, "anchor": 2}
_COMPUTED = frozenset({"required_on_site"})
# A date that follows may follow on before it is looked at again: what is bound decides whether a row was changed since.
_FOLLOWING = frozenset({"last_on", "lost_at", "followed_on", "required_on_site"})

Row = dict[str, Any]
State = dict[tuple[str, UUID], tuple[str, Row]]


def bindings_of(site_id: UUID, project_code: str) -> State:
    """Every gate of the site, the requirements and their anchors: as plain values, with what people call them."""
    found: State = {}
    gates = Gate.objects.filter(site=site_id)
    for gate in gates:
        found["gate", gate.pk] = str(gate), _values("gate", gate)
    anchors = RosAnchor.objects.filter(requirement__site=site_id).filter(
        Q(project_code=project_code) | Q(gate__project_code=project_code)
    )
    requirements = Requirement.objects.filter(site=site_id).filter(
        Q(pk__in=anchors.order_by().values("requirement")) | Q(anchors=None)
    )
    # Thousands of them, and no name of theirs needs the row as an object.
    for table, rows, named in (("anchor", anchors, "requirement__tag"), ("requirement", requirements, "tag")):
        fields = _FIELDS[table][1]
        for key, what, *values in rows.values_list("pk", named, *fields):
            found[table, key] = what, {name: _plain(value) for name, value in zip(fields, values, strict=True)}
    return found


def _values(table: str, row: Model) -> Row:
    return {name: _plain(getattr(row, name)) for name in _FIELDS[table][1]}


def _plain(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def changed(before: State, after: State) -> list[Row]:
    """The rows that differ: `before` null where the row was made, `after` null where it is gone."""
    rows: list[Row] = []
    for table, key in sorted(before.keys() | after.keys(), key=lambda at: (at[0], str(at[1]))):
        what, old = before.get((table, key), ("", None))
        also, new = after.get((table, key), ("", None))
        if old is None and table == "requirement":
            continue  # it came into sight with its first anchor, as it was
        if old != new:
            rows.append({"table": table, "id": str(key), "what": also or what, "before": old, "after": new})
    return rows


def restore(changes: Sequence[Mapping[str, Any]], *, since: datetime, force: bool) -> list[Row]:
    """Put the rows back as they stood before `since`, an instant of the database's clock.

    Answers what people changed since then, each with `forced`. A gate, or a requirement with its anchors, goes back or
    stays as a whole: half of each would be what nobody has decided. Forced, the anchors bound since give way.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for change in sorted(changes, key=lambda row: (_ORDER[row["table"]], row["id"])):
        groups[_owner(change)].append(change)
    known = {str(change["id"]) for change in changes}
    left: list[Row] = []
    for (kind, key), rows in sorted(groups.items()):
        made_since = _made_since(key, since, known) if kind == "requirement" else []
        found = [(change, _locked(change)) for change in rows]
        disturbed = [(change, row) for change, row in found if not _is_as_left(change, row)]
        is_forced = force and _can_go_back(kind, key, rows)
        left += [_named(change, is_forced) for change, _row in disturbed]
        left += [
            {"table": "anchor", "id": str(row.pk), "what": row.requirement.tag, "forced": is_forced}
            for row in made_since
        ]
        if (disturbed or made_since) and not is_forced:
            continue
        for anchor in made_since:
            anchor.delete()
        for change, row in found:
            _put_back(row, change)
    return left


def _owner(change: Mapping[str, Any]) -> tuple[str, str]:
    if change["table"] != "anchor":
        return str(change["table"]), str(change["id"])
    return "requirement", str((change["before"] or change["after"])["requirement_id"])


def _made_since(requirement_id: str, since: datetime, known: Collection[str]) -> list[RosAnchor]:
    rows = RosAnchor.objects.filter(requirement=UUID(requirement_id), created_at__gt=since).exclude(pk__in=known)
    return list(rows.select_related("requirement").select_for_update(of=("self",)).order_by("pk"))


def _locked(change: Mapping[str, Any]) -> Model | None:
    model, _names = _FIELDS[change["table"]]
    return model._default_manager.select_for_update(of=("self",)).filter(pk=change["id"]).first()


def _is_as_left(change: Mapping[str, Any], row: Model | None) -> bool:
    if row is None:
        return change["after"] is None
    return _same(_values(change["table"], row), change["after"])


def _can_go_back(kind: str, key: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the owner is still there, and its rule goes back too where a person has fixed the date since."""
    if kind == "gate":
        return Gate.objects.filter(pk=key).exists()
    requirement = Requirement.objects.select_for_update(of=("self",)).filter(pk=key).first()
    if requirement is None:
        return False
    return requirement.ros_rule == RosRule.ANCHORED or any(row["table"] == "requirement" for row in rows)


def _named(change: Mapping[str, Any], is_forced: bool) -> Row:
    return {name: change[name] for name in ("table", "id", "what")} | {"forced": is_forced}


def bound_since(site_id: UUID, project_code: str, since: datetime) -> list[Row]:
    """The anchors that people have bound to the project after that instant of the database's clock: they stay."""
    rows = RosAnchor.objects.filter(requirement__site=site_id, project_code=project_code, created_at__gt=since)
    return [
        {"table": "anchor", "id": str(row.pk), "what": row.requirement.tag, "forced": False}
        for row in rows.select_related("requirement").order_by("pk")
    ]


def _same(now: Row, then: Mapping[str, Any] | None) -> bool:
    return then is not None and all(now[name] == then[name] for name in now if name not in _FOLLOWING)


def _put_back(row: Model | None, change: Mapping[str, Any]) -> None:
    model, names = _FIELDS[change["table"]]
    if change["before"] is None:
        if row is not None:
            row.delete()
        return
    values = {name: change["before"][name] for name in names if name not in _COMPUTED}
    if row is None:
        model._default_manager.create(pk=change["id"], **values)
        return
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=[name.removesuffix("_id") for name in values])
