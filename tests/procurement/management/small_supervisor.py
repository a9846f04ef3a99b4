"""A supervisor with components that cost nothing, run as a process of its own by test_supervisor."""

import sys
from pathlib import Path

from procurement.management.runtime.places import Places, StartUpError
from procurement.management.runtime.supervisor import Component, StopAsked, Supervisor

PATIENT = "import signal; print('ready', flush=True); signal.pause()"
STUBBORN = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    f'child = subprocess.Popen([sys.executable, "-c", {PATIENT!r}]);'
    "print('grandchild', child.pid, flush=True); signal.pause()"
)
FAILING = "import sys; print('no such table'); sys.exit(3)"


def component(name: str, code: str, *, words: str, stage: int = 0) -> Component:
    return Component(name, [sys.executable, "-c", code], ready_words=words, stop_seconds=0.5, stage=stage)


CASTS = {
    "patient": [component("first", PATIENT, words="ready"), component("second", PATIENT, words="ready", stage=1)],
    "stubborn": [component("first", STUBBORN, words="grandchild")],
    "failing": [component("first", PATIENT, words="ready"), component("second", FAILING, words="ready")],
}


def main(home: Path, cast: str) -> int:
    try:
        with Supervisor(Places(home), say=lambda line: print(line, flush=True), back_off_seconds=[0.05]) as supervisor:
            for member in CASTS[cast]:
                supervisor.start(member)
            print("everything is up", flush=True)
            supervisor.watch()
    except StartUpError as refusal:
        print(refusal, flush=True)
        return 1
    except StopAsked:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
