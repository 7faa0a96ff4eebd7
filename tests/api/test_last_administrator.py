"""There is always somebody who administers, whoever tries what at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.accounts import Account
from tests.support.database import Server
from tests.support.product import ADMIN_PASSWORD, Client, Product, another_api, running, until


@pytest.fixture(scope="module")
def alone(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of its own, with no administrator but the first."""
    data = tmp_path_factory.mktemp("alone")
    with server.database() as made, running(data, made.app_dsn, made.owner_dsn) as it:
        yield it


@pytest.fixture(scope="module")
def other(alone: Product) -> Iterator[str]:
    """The address of a second API process."""
    with another_api(alone) as base:
        yield base


def administrators(client: Client) -> int:
    count: int = client.get("/api/users/", params={"role": "administrator"}).json()["count"]
    return count


def is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and "last active administrator" in answer.json()["error"]["message"]


def test_the_last_administrator_stays_one(alone: Product) -> None:
    admin = alone.admin()
    assert is_refused(admin.delete("/api/users/1/"))
    assert is_refused(admin.put("/api/users/1/", json={"is_active": False}))
    assert is_refused(admin.put("/api/users/1/", json={"roles": ["viewer"]}))
    gone = Account(alone, admin, roles=["administrator"], is_active=False)
    assert is_refused(admin.delete("/api/users/1/"))
    assert admin.put(gone.path, json={"roles": []}).status_code == 200
    assert admin.put("/api/users/1/", json={"roles": ["viewer", "administrator"]}).status_code == 200


def test_faults_come_before_it(alone: Product) -> None:
    answer = alone.admin().put("/api/users/1/", json={"roles": ["viewer"], "bogus": 1})
    assert answer.status_code == 400


def test_one_of_two_may_go(alone: Product) -> None:
    admin = alone.admin()
    second = Account(alone, admin, roles=["administrator"])
    assert second.signed_in().delete(second.path).status_code == 204
    assert administrators(admin) == 1


@pytest.mark.parametrize("times", range(4))
def test_of_two_that_give_it_up_at_once_one_remains(alone: Product, other: str, times: int) -> None:
    """In two processes: neither knows of the other's append before its own."""
    admin = alone.admin()
    second = Account(alone, admin, roles=["administrator"])
    clients = {"/api/users/1/": admin, f"{other}{second.path}": second.signed_in()}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda it: it[1].put(it[0], json={"roles": ["viewer"]}), clients.items()))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    winner = admin if is_refused(answers[0]) else clients[f"{other}{second.path}"]
    until(lambda: administrators(winner) == 1)
    assert winner.put("/api/users/1/", json={"roles": ["administrator"]}).status_code == 200
    if winner is not admin:
        assert alone.admin().put(second.path, json={"roles": []}).status_code == 200


def test_of_two_that_remove_each_other_at_once_one_remains(alone: Product, other: str) -> None:
    admin = alone.admin()
    second = Account(alone, admin, roles=["administrator"])
    them = second.signed_in()
    asked = [lambda: admin.delete(second.path), lambda: them.delete(f"{other}/api/users/1/")]
    with ThreadPoolExecutor(2) as pool:
        codes = [answer.status_code for answer in pool.map(lambda ask: ask(), asked)]
    assert codes.count(204) == 1
    assert set(codes) <= {204, 401, 409}  # 401: his session was over before he was heard.
    if codes[1] == 204:
        assert them.put("/api/users/1/", json={"is_active": True}).status_code == 200
    answer = alone.http.post("/api/auth/token/", json={"username": "admin", "password": ADMIN_PASSWORD})
    assert answer.status_code == 200
