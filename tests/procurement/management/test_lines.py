import sys
from io import TextIOWrapper
from pathlib import Path
from threading import Barrier, Thread

import pytest

from procurement.management.runtime.lines import say

TURNS = 5000


def test_lines_of_several_threads_stay_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "said"
    start = Barrier(4)

    def speak(name: str) -> None:
        start.wait(30)
        for _turn in range(TURNS):
            say(name * 20)

    threads = [Thread(target=speak, args=(name,)) for name in "abcd"]
    # As Python writes where nothing is to be held back: the end of a line is a write of its own.
    with TextIOWrapper(written.open("wb", buffering=0), write_through=True) as unbuffered:
        monkeypatch.setattr(sys, "stdout", unbuffered)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(written.read_text().splitlines()) == [name * 20 for name in "abcd" for _turn in range(TURNS)]
