"""The map of sites: where marks stand, and that every label can be read."""

from decimal import Decimal
from itertools import combinations

import pytest
from django.test import Client

from procurement.portal.world_map import HEIGHT, WIDTH, Place, world_map
from tests.procurement.portal.conftest import Place as Stage


def place(code: str, latitude: str, longitude: str, *, is_bad: bool = False) -> Place:
    return Place(code, f"/sites/{code}/power/", "no gap", Decimal(latitude), Decimal(longitude), is_bad)


EUROPE = [
    place("FRA1", "50.11", "8.68"),
    place("AMS1", "52.37", "4.90"),
    place("PAR1", "48.86", "2.35"),
    place("DUB1", "53.35", "-6.26"),
    place("LON1", "51.51", "-0.13"),
]


def test_a_mark_stands_at_its_degrees() -> None:
    (mark,) = world_map([place("SYD1", "-33.87", "151.21")]).marks

    assert (mark.x, mark.y) == (662, 228)


def test_labels_of_close_places_do_not_lie_over_one_another() -> None:
    marks = world_map(EUROPE).marks

    assert len(marks) == 5
    for one, other in combinations(marks, 2):
        assert abs(one.label_x - other.label_x) >= 46 or abs(one.label_y - other.label_y) >= 13


def test_no_label_lies_over_the_mark_of_a_place() -> None:
    marks = world_map(EUROPE).marks

    for one in marks:
        covered = [
            other.place.code
            for other in marks
            if one.label_x <= other.x <= one.label_x + 46 and one.label_y - 12 <= other.y <= one.label_y + 3
        ]
        assert (one.place.code, covered) == (one.place.code, [])


def test_a_place_beyond_the_drawing_stands_at_its_edge_with_its_label_inside() -> None:
    (mark,) = world_map([place("POLE", "-90", "179.9")]).marks

    assert (mark.x, mark.y) == (WIDTH, HEIGHT)
    assert mark.label_x < WIDTH


def test_every_point_of_the_land_lies_in_the_drawing() -> None:
    points = [point.split(",") for ring in world_map([]).land for point in ring.split()]

    assert all(0 <= int(x) <= WIDTH and 0 <= int(y) <= HEIGHT for x, y in points)


@pytest.mark.django_db
def test_the_page_of_power_marks_the_sites_one_may_see(browser: Client, sydney: Stage) -> None:
    sydney.site.latitude, sydney.site.longitude = Decimal("-33.87"), Decimal("151.21")
    sydney.site.save()

    html = browser.get("/power/").content.decode()

    assert f'<a href="/sites/{sydney.site.code}/power/" aria-label="{sydney.site.code}: ' in html
