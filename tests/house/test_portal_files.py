"""What the portal's files promise each other."""

import re
from pathlib import Path

import pytest

from procurement.management.runtime.assets import ICONS, allow_list
from procurement.management.runtime.places import REPOSITORY

TEMPLATES = [path for path in (REPOSITORY / "templates").rglob("*.html") if "email" not in path.parts]
CODE = [*(REPOSITORY / "procurement" / "portal").rglob("*.py")]


def names_of_icons(text: str) -> set[str]:
    return set(re.findall(r"""(?:\{% icon |icon_name=)["']([a-z0-9-]+)["']""", text))


def test_every_icon_of_a_template_is_collected() -> None:
    used = {name for path in TEMPLATES for name in names_of_icons(path.read_text())}

    assert used - set(ICONS) == set()
    assert "alert-triangle" in used


def test_every_static_file_of_a_template_exists() -> None:
    named = {
        name for path in TEMPLATES for name in re.findall(r"""\{% static ['"]([^'"]+)['"] %\}""", path.read_text())
    }

    ours = REPOSITORY / "procurement" / "portal" / "static"
    vendored = {f"vendor/{place}" for place in allow_list().values()}
    assert {name for name in named if name not in vendored and not (ours / name).is_file()} == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_holds_no_script_style_or_foreign_address(path: Path) -> None:
    text = path.read_text()

    assert re.findall(r"<style|<script(?![^>]*src=)|\sstyle=|\son[a-z]+=|https?://", text) == []


def test_every_visible_word_of_a_template_is_translated() -> None:
    """Text between tags that is neither a variable, a translated block nor a mark or unit."""
    units = r"Longlead|MWh?|IT|Hz|kV|EA|English|日本語"
    bare: dict[str, list[str]] = {}
    for path in TEMPLATES:
        text = re.sub(r"\{% blocktranslate.*?endblocktranslate %\}|\{#.*?#\}", "", path.read_text(), flags=re.S)
        text = re.sub(r"\{[{%].*?[%}]\}", " ", text, flags=re.S)
        shown = re.sub(rf"<[^>]*>|&\w+;|\bll-[a-z-]+|{units}", " ", text, flags=re.S)
        if found := re.findall(r"[A-Za-z]{3,}", shown):
            bare[path.name] = found
    assert bare == {}
