"""The worker as the product runs it: under the supervisor of `make demo`, which starts again what has ended."""

import sys
from pathlib import Path

from procurement.management.runtime import stack
from procurement.management.runtime.places import Places
from procurement.management.runtime.supervisor import StopAsked, Supervisor


def main(home: Path, name: str) -> None:
    components = [component for component in stack.background() if component.name == name]
    try:
        with Supervisor(Places(home), say=lambda line: print(line, flush=True)) as supervisor:  # noqa: T201
            supervisor.start(*components)
            supervisor.watch()
    except StopAsked:
        pass


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
