"""PostgreSQL goes away and comes back: the API says so, works again by itself, and has lost nothing."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from flowledger.postgres import Embedded
from flowledger.schema import bring_up
from tests.api.stories import body
from tests.support.product import Client, Product, running, until

pytestmark = pytest.mark.long


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Embedded]:
    """A PostgreSQL of this test's own, which it may stop."""
    embedded = Embedded(tmp_path / "server")
    embedded.start()
    try:
        yield embedded
    finally:
        embedded.stop()


@pytest.fixture
def product(server: Embedded, tmp_path: Path) -> Iterator[Product]:
    """A product on that server."""
    urls = server.urls()
    bring_up(urls.local_admin, urls.local_application)
    with running(tmp_path / "data", urls.local_application, urls.local_admin) as it:
        yield it


class Reporter:
    """Reports deviations one after the other, and remembers which were acknowledged."""

    def __init__(self, client: Client) -> None:
        """Begin."""
        self.acknowledged: list[str] = []
        self.refused: set[int] = set()
        self._client = client
        self._stop = Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            answer = self._client.post("/api/deviations/", json=body(department="Away", title=f"T{number}"))
            if answer.status_code == 201:
                self.acknowledged.append(answer.json()["deviation_number"])
            else:
                self.refused.add(answer.status_code)


def test_the_api_is_503_while_the_database_is_away_and_loses_nothing(server: Embedded, product: Product) -> None:
    admin = product.admin()
    reporter = Reporter(admin)
    until(lambda: len(reporter.acknowledged) > 20)
    server.stop()
    try:
        answer = admin.get("/api/deviations/")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
        assert product.http.get("/healthz").status_code == 200
        until(lambda: product.http.get("/readyz").status_code == 503, says="not ready")
        until(lambda: 503 in reporter.refused, says="a write is refused")
        told = len(reporter.acknowledged)
        time.sleep(0.5)
    finally:
        server.start()
    until(lambda: product.http.get("/readyz").status_code == 200, 30, "ready again")
    until(lambda: len(reporter.acknowledged) > told + 20, 30, "reporting again")
    reporter.stop()
    assert reporter.refused <= {503}
    numbers = set()
    path: str | None = "/api/deviations/?limit=200&department=Away"
    while path:
        page = admin.get(path).json()
        numbers |= {it["deviation_number"] for it in page["results"]}
        path = page["next"]
    assert numbers.issuperset(reporter.acknowledged)
    assert sorted(int(number[-4:]) for number in numbers) == list(range(1, len(numbers) + 1))
