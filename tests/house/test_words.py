"""Every word that the product says to people has its Japanese, and says the same values."""

import ast
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

from procurement.management.runtime.places import REPOSITORY
from procurement.models import Allocation, DeliveryLot, OrderLine, PurchaseOrder, Requirement, ScheduleLine
from procurement.queries.field_words import FIELDS
from procurement.services.refusal_words import PLAIN, WITH_VALUES
from procurement.services.set_up_tables import TABLES
from sites.accounts.models import ApiClient, ApiKey
from sites.models import (
    AgreementNotice,
    ConditionPrecedent,
    Gate,
    GridCapacityStep,
    GridConnection,
    Milestone,
    MilestoneRound,
    NetworkWorks,
    PowerPurchaseAgreement,
    PpaShare,
)

ROOMS: Final = ("procurement", "sites")
# The places of context, words and plural among the arguments.
CALLS: Final[dict[str, tuple[int, ...]]] = {
    "_": (0,), "gettext": (0,), "gettext_lazy": (0,), "gettext_noop": (0,), "ngettext": (0, 1), "ngettext_lazy": (0, 1),
}  # fmt: skip
WITH_CONTEXT: Final[dict[str, tuple[int, ...]]] = {
    "pgettext": (1,), "pgettext_lazy": (1,), "npgettext": (1, 2), "npgettext_lazy": (1, 2),
}  # fmt: skip
TEMPLATE_WORDS: Final[dict[str, Any]] = {
    "_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip

# Whose sentences are found again where they are shown, and the calls that take one.
ENGLISH_ROOMS: Final = ("procurement/domain", "procurement/readers", "sites/domain", "sites/readers")
REFUSALS: Final = {"BadInput", "NotANetwork", "UnknownUnit", "refused", "_refuse"}
A_VALUE: Final = "…"

Word = tuple[str | None, str]


def of_python(source: str) -> Iterator[Word]:
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        at = CALLS.get(name) or WITH_CONTEXT.get(name)
        if at is None or len(call.args) <= at[0]:
            continue
        words = call.args[at[0]]
        context = call.args[0] if name in WITH_CONTEXT else None
        assert not isinstance(words, ast.JoinedStr), f"line {call.lineno}: words put together cannot be looked up"
        if isinstance(words, ast.Constant):
            yield (str(ast.literal_eval(context)) if context else None), str(words.value)


def of_template(source: str) -> Iterator[Word]:
    # In brackets, so that its indents mean nothing.
    collected: Iterable[Any] = extract_python(
        io.BytesIO(f"({templatize(source)})".encode()), TEMPLATE_WORDS, [], {"encoding": "utf-8"}
    )
    for _line, name, said, _comments in collected:
        words = said if isinstance(said, tuple | list) else (said,)
        if name in {"pgettext", "npgettext"}:
            yield words[0], words[1]
        elif words[0]:
            yield None, words[0]


@pytest.fixture(scope="module")
def japanese() -> Catalog:
    with (REPOSITORY / "locale" / "ja" / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file)


def untranslated(japanese: Catalog, words: Iterator[Word]) -> set[Word]:
    known = {(each.context, _first(each)) for each in japanese if each.id and all(_texts(each.string))}
    return {word for word in words if word not in known}


def test_every_word_of_the_code_has_its_japanese(japanese: Catalog) -> None:
    sources = [path for room in ROOMS for path in sorted((REPOSITORY / room).rglob("*.py"))]
    said = (word for path in sources for word in of_python(path.read_text(encoding="utf-8")))

    assert untranslated(japanese, said) == set()


def test_every_word_of_a_template_has_its_japanese(japanese: Catalog) -> None:
    sources = [path for path in sorted((REPOSITORY / "templates").rglob("*.*")) if path.is_file()]
    said = (word for path in sources for word in of_template(path.read_text(encoding="utf-8")))

    assert untranslated(japanese, said) == set()


def test_no_entry_is_a_guess_or_loses_a_value(japanese: Catalog) -> None:
    assert [each.id for each in japanese if each.id and each.fuzzy] == []
    assert [(message.id, errors) for message, errors in japanese.check()] == []


def test_a_word_without_japanese_would_be_found(japanese: Catalog) -> None:
    code = of_python('_("Late"); pgettext("nowhere", "Late"); ngettext("one such", "many such", 2)')
    template = of_template('{% translate "Late" %} {% translate "Late" context "nowhere" %} {{ _("no such") }}')

    assert untranslated(japanese, code) == {("nowhere", "Late"), (None, "one such")}
    assert untranslated(japanese, template) == {("nowhere", "Late"), (None, "no such")}


def _first(message: Message) -> str:
    return str(_texts(message.id)[0])


def _texts(said: Any) -> tuple[Any, ...]:
    return tuple(said) if isinstance(said, tuple | list) else (said,)


def sentences(source: str) -> Iterator[str]:
    """Of every refusal whose sentence is written where it is raised; each value in it is `A_VALUE`."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) in REFUSALS:
            for words in call.args:
                if isinstance(words, ast.Constant) and str(words.value).endswith((".", "?")):
                    yield str(words.value)
                elif isinstance(words, ast.JoinedStr):
                    said = "".join(
                        str(each.value) if isinstance(each, ast.Constant) else A_VALUE for each in words.values
                    )
                    if said.endswith((".", "?")) and re.search(r"[a-z]{2}", said):
                        yield said


def test_every_sentence_of_a_refusal_is_listed() -> None:
    listed = PLAIN | {re.sub(r"%\(\w+\)s", A_VALUE, each).replace("%%", "%") for each in WITH_VALUES}
    sources = [path for room in ENGLISH_ROOMS for path in sorted((REPOSITORY / room).rglob("*.py"))]

    assert {said for path in sources for said in sentences(path.read_text(encoding="utf-8"))} - listed == set()


@pytest.mark.parametrize(
    "model",
    sorted(
        {AgreementNotice, Allocation, ApiClient, ApiKey, ConditionPrecedent, DeliveryLot, Gate, GridCapacityStep,
         GridConnection, Milestone, MilestoneRound, NetworkWorks, OrderLine, PowerPurchaseAgreement, PpaShare,
         PurchaseOrder, Requirement, ScheduleLine, *(table.model for table in TABLES.values())},
        key=str,
    ),
    ids=lambda model: model.__name__,
)  # fmt: skip
def test_every_field_of_a_history_has_its_words(model: Any) -> None:
    kept = {each.name for each in model.history.rel.related_model._meta.concrete_fields}
    fields = {
        str(each.verbose_name)
        for each in model._meta.concrete_fields
        if each.name in kept - {"id", "created_at", "version", "fingerprint", "secret_hash"}
    }

    assert {str(model._meta.verbose_name), *fields} - FIELDS.keys() == set()
