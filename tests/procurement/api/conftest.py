from collections.abc import Iterator

import pytest

from procurement.api.throttle import WINDOW
from sites.accounts.permissions import Role
from tests.procurement.api.calls import Caller, calling
from tests.procurement.services.order_documents import World, make_world


@pytest.fixture(autouse=True)
def fresh_throttle() -> Iterator[None]:
    WINDOW.forget()
    yield
    WINDOW.forget()


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def erp(world: World) -> Caller:
    """An ERP that sees every site."""
    return calling()


@pytest.fixture
def sydney_only(world: World) -> Caller:
    return calling("Sydney", site_codes=["SYD1"], role=Role.ERP_CLIENT)
