"""What holds while parts of the product stand still, end, or come back."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.api.stories import body
from tests.support.product import People, Process, Product, until


@contextmanager
def standing_still(product: Product) -> Iterator[None]:
    """Have the worker do nothing for a while."""
    assert product.worker is not None
    os.kill(product.worker.popen.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(product.worker.popen.pid, signal.SIGCONT)


def restart(product: Product, number: int) -> None:
    """End the API process with a signal, and start it again."""
    assert product.api is not None
    product.api.stop(number)
    product.api = Process("serve", "--port", str(product.port), data=product.data, env=product.env)
    until(lambda: product.http.get("/readyz").status_code == 200, 30)


def test_a_write_that_the_read_models_do_not_follow_is_answered_and_says_so(product: Product, people: People) -> None:
    with standing_still(product):
        begun = time.monotonic()
        made = people("user").post("/api/deviations/", json=body(department="Behind"))
        taken = time.monotonic() - begun
        assert made.status_code == 201
        assert int(made.headers["X-Read-Position"]) < int(made.headers["X-Position"])
        assert 1.5 < taken < 10
    until(lambda: people("viewer").get(f"/api/deviations/{made.json()['id']}/").status_code == 200)


def test_a_read_that_asks_for_more_than_there_is_waits_and_is_503(product: Product, people: People) -> None:
    with standing_still(product):
        made = people("user").post("/api/deviations/", json=body(department="Waits"))
        asked = {"X-Min-Position": made.headers["X-Position"]}
        begun = time.monotonic()
        answer = people("viewer").get("/api/deviations/", headers=asked)
        assert time.monotonic() - begun > 1.5
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
    until(lambda: people("viewer").get("/api/deviations/", headers=asked).status_code == 200)


def test_a_read_goes_on_as_soon_as_its_position_is_there(product: Product, people: People) -> None:
    with ThreadPoolExecutor() as pool:
        with standing_still(product):
            made = people("user").post("/api/deviations/", json=body(department="Goes on"))
            params, headers = {"department": "Goes on"}, {"X-Min-Position": made.headers["X-Position"]}
            asked = pool.submit(people("viewer").get, "/api/deviations/", params=params, headers=headers)
            time.sleep(0.1)
        answer = asked.result(10)
    assert answer.status_code in (200, 503)  # 503 where waking the worker took longer than the wait.
    if answer.status_code == 200:
        assert answer.json()["count"] == 1


@pytest.mark.long
def test_a_key_is_kept_over_a_restart_and_two_at_once_append_once(product: Product, people: People) -> None:
    given = {"json": body(department="Kept"), "headers": {"Idempotency-Key": "kept"}}
    reporter = people("user")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: reporter.post("/api/deviations/", **given), range(4)))
    made = [answer for answer in answers if answer.status_code == 201]
    assert made
    assert {answer.status_code for answer in answers} <= {201, 409}  # 409: the first is still running.
    assert len({answer.content for answer in made}) == 1
    restart(product, signal.SIGKILL)
    again = people("user").post("/api/deviations/", **given)
    assert (again.status_code, again.content) == (201, made[0].content)
    assert again.headers["X-Position"] == made[0].headers["X-Position"]
    assert again.headers["ETag"] == made[0].headers["ETag"]
    found = people("viewer").get("/api/deviations/", params={"department": "Kept"}).json()
    assert found["count"] == 1


@pytest.mark.long
def test_reads_know_their_position_right_after_a_restart(product: Product, people: People) -> None:
    made = people("user").post("/api/deviations/", json=body(department="Known"))
    restart(product, signal.SIGTERM)
    position = int(made.headers["X-Position"])
    until(lambda: int(people("viewer").get("/api/deviations/").headers["X-Position"]) >= position, 5)
