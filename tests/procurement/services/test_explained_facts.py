"""A reviewer takes any line of the demo, exports its facts, and gets the same answer from them."""

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from procurement.models import ChainForecast, DeliveryLot, LotForecast, Requirement, RequirementForecast
from procurement.queries import explain
from procurement.services import demo
from sites.domain.schedule import ChainFacts
from sites.models import Chain, Gate, GridConnection, PowerPurchaseAgreement
from sites.readers import facts
from sites.vocabulary import ChainKind

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def told(stored: ChainFacts) -> dict[str, Any]:
    """What is said of stored facts, after their export was seen to say the same."""
    answer = facts.answer_to(stored)
    exported = facts.explain(json.dumps(facts.export(stored)))
    assert (exported.refusals, exported.document) == ((), answer)
    return answer


def iso(day: Any) -> str | None:
    return day.isoformat() if day else None


def test_every_exported_lot_requirement_and_chain_of_the_demo_is_answered_as_it_is_stored() -> None:
    demo.load_demo(today=NOW.date(), now=NOW)

    lots = {
        row.lot_id: row for row in LotForecast.objects.filter(current=True).select_related("lot__schedule_line__site")
    }
    for row in lots.values():
        (found,) = explain.facts_named(str(row.lot_id), now=NOW)
        answer = told(found)
        assert (answer["forecast_on_site"], answer["float_days"]) == (iso(row.forecast_on), row.float_days)

    unordered = RequirementForecast.objects.filter(current=True, ordered=False).select_related("requirement__lead_time")
    for need in unordered:
        (found,) = explain.facts_named(str(need.requirement_id), now=NOW)
        answer = told(found)
        assert (answer["forecast_on_site"], answer["float_days"]) == (iso(need.forecast_on), need.float_days)
        assert answer["steps"][0]["latest_on"] == iso(need.order_by_on)

    chains = ChainForecast.objects.filter(current=True).select_related("chain")
    for kept in chains:
        (found,) = explain.facts_named(str(kept.chain_id), now=NOW)
        assert told(found)["forecast_on_site"] == iso(kept.forecast_on)

    assert len(lots) > 100
    assert sum(1 for need in unordered if need.requirement.lead_time) > 10
    assert {kept.chain.kind for kept in chains} == set(ChainKind.values) - {ChainKind.LOT}


def test_the_command_says_the_same_of_a_thing_by_its_name_and_of_its_export() -> None:
    demo.load_demo(today=NOW.date(), now=NOW, recalculate=False)
    lot = DeliveryLot.objects.filter(quantity__gt=0, allocations__ended_at__isnull=True).order_by("pk")[0]
    order = lot.schedule_line.line.order.number
    need = Requirement.objects.filter(allocations__lot=lot).select_related("site").order_by("pk")[0]
    gate = Gate.objects.filter(block__isnull=False).select_related("site", "block").order_by("pk")[0]
    grid = GridConnection.objects.select_related("site").order_by("pk")[0]
    names = {
        f"{order}/{lot.schedule_line.line.number}/{lot.schedule_line.number}/{lot.number}": lot.chain_id,
        f"{need.site.code}/{need.tag}": lot.chain_id,
        f"{gate.site.code}/{gate.block.code if gate.block else ''}/{gate.kind}": gate.chain_id,
        f"{grid.site.code}/{grid.name}": grid.chain_id,
        PowerPurchaseAgreement.objects.order_by("pk")[0].code: PowerPurchaseAgreement.objects.order_by("pk")[
            0
        ].chain_id,
    }

    for name, chain in names.items():
        codes = [step.code for step in explain.facts_named(name, now=NOW)[0].steps]
        assert codes == list(Chain.objects.get(pk=chain).milestones.order_by("sequence").values_list("code", flat=True))
    need = Requirement.objects.filter(allocations__isnull=True, lead_time__isnull=False).select_related("site")[0]
    said, exported = StringIO(), StringIO()

    call_command("explain", f"{need.site.code}/{need.tag}", stdout=said)
    call_command("explain", f"{need.site.code}/{need.tag}", export=True, stdout=exported)

    assert json.loads(said.getvalue()) == facts.answer_to(facts.read(json.loads(exported.getvalue())))
    assert [step["driver"] for step in json.loads(said.getvalue())["steps"]].count("span") > 1


@pytest.mark.parametrize("name", ["NOWHERE/X-1", "4500000000/10/1", "01890000-0000-7000-8000-000000000000", ""])
def test_what_nobody_knows_is_refused_with_the_names_that_would_do(name: str) -> None:
    with pytest.raises(CommandError, match=r"^line: There is no line .*SITE/TAG") as refused:
        call_command("explain", name, stdout=StringIO())

    assert refused.value.returncode == 2
