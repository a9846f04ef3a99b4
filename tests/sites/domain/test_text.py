"""What a text may hold, wherever it comes in."""

import pytest

from sites.domain.errors import BadInput
from sites.domain.text import check_text


@pytest.mark.parametrize("text", ["", "Kita & Söhne", "冷凍機3号", "מגדל", "Zwölf Stück", "x" * 20])
def test_what_people_write_passes(text: str) -> None:
    check_text(text, "title", longest=20)


@pytest.mark.parametrize("text", ["a\x00b", "a\x07b", "a\x85b", "a\nb", "\ud83d", "\u202e7202", "a\u2069", "x" * 21])
def test_what_a_screen_cannot_show_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check_text(text, "title", longest=20)
    assert refusal.value.field == "title"


def test_line_ends_pass_where_lines_are_meant() -> None:
    check_text("one\r\n\ttwo", "note", longest=20, lines=True)
    with pytest.raises(BadInput):
        check_text("one\x0btwo", "note", longest=20, lines=True)
