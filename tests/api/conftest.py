"""One running product for all API tests of a worker: they tell their records apart by what they put in them."""

from collections.abc import Iterator

import pytest

from tests.support.database import Server
from tests.support.product import People, Product, another_api, running


@pytest.fixture(scope="session")
def product(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """API and worker, on a database of their own, logging all there is to log."""
    data = tmp_path_factory.mktemp("data")
    with server.database() as made, running(data, made.app_dsn, made.owner_dsn, FLOWLEDGER_LOG_LEVEL="debug") as it:
        yield it


@pytest.fixture(scope="session")
def other(product: Product) -> Iterator[str]:
    """The address of a second API process on the same database."""
    with another_api(product) as base:
        yield base


@pytest.fixture(scope="session")
def people(product: Product) -> People:
    """Users by role, made when first asked for."""
    return People(product)
