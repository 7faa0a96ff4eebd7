"""Fixtures for every test. Async tests are run by anyio's plugin, on asyncio: mark them `pytest.mark.anyio`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.database import Database, Run, Server

_RUN = pytest.StashKey[Run]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's folder in the process that all workers of the run are started by."""
    if not hasattr(config, "workerinput"):
        config.stash[_RUN] = Run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind, also where a worker crashed."""
    run = config.stash.get(_RUN, None)
    if run is not None:
        run.end()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the run's folder is."""
    node.workerinput["flowledger_run"] = str(node.config.stash[_RUN].folder)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of async tests."""
    return "asyncio"


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The PostgreSQL of this run, shared by all of its workers."""
    config = request.config
    folder = config.workerinput["flowledger_run"] if hasattr(config, "workerinput") else config.stash[_RUN].folder
    with Server(Path(folder)).running() as running:
        yield running


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """A migrated database of this test's own."""
    with server.database() as made:
        yield made


@pytest.fixture
def empty_database(server: Server) -> Iterator[Database]:
    """A database of this test's own in which there is nothing."""
    with server.database(migrated=False) as made:
        yield made
