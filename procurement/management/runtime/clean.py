"""`python -m procurement.management.runtime.clean`: removes the demo's data, wherever they lie."""

import shutil
import sys
from pathlib import Path

from procurement.management.runtime import ownership, postgres
from procurement.management.runtime.places import Places, StartUpError


def clean(places: Places) -> None:
    """Raises StartUpError while a demo runs, or where the data folder is not one of ours."""
    if not places.home.exists():
        return
    places.make()
    with ownership.taken(places, "clean-up"):
        if places.database_marker.exists():
            _remove_database(Path(places.database_marker.read_text().strip()), places)
        shutil.rmtree(places.home)


def _remove_database(data: Path, places: Places) -> None:
    if data == places.home / "postgres":
        return  # it goes with the rest
    if data != postgres.home_for(places.home):
        raise StartUpError(f"The database lies in {data}, which only its owner may remove.")
    if data.exists():
        shutil.rmtree(data)


if __name__ == "__main__":
    try:
        clean(Places.from_environment())
    except StartUpError as refusal:
        sys.exit(str(refusal))
