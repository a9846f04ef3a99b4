"""`make bench`: each case as a ratio to its limit or to a rival measured in the same run, into bench/results.json."""

import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from bench import engine, network, power, world
from bench.case import Case

RESULTS = Path(__file__).with_name("results.json")


def main() -> int:
    measured: list[Case] = []
    with world.database():
        from bench import api, mail, portfolio

        for subject in (engine, network, power, portfolio, api, mail):
            for case in subject.cases():
                measured.append(case)
                print(
                    f"{case.name:<64} {case.measured:>12.4g} {case.unit:<10} ratio {case.ratio:.3g} to {case.against}",
                    flush=True,
                )
    document = {
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "architecture": platform.machine(),
        },
        "cases": [asdict(case) for case in measured],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
