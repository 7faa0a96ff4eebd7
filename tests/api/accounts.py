"""Users whom a test can lock, deactivate and sign out without harm to others."""

import secrets
from typing import Any

import httpx

from tests.support.product import Client, People, Product

TOKEN, REFRESH, LOGOUT = "/api/auth/token/", "/api/auth/refresh/", "/api/auth/logout/"
PASSWORD, SESSIONS = "/api/auth/password/", "/api/auth/sessions/"
GOOD = "a-good-password"


def ask(product: Product, path: str, base: str | None = None, **body: Any) -> httpx.Response:
    """Ask a door that is open to all, of another process where `base` names one."""
    return product.http.post(f"{base or ''}{path}", json=body)


class Account:
    """One user, with what it takes to be him."""

    def __init__(self, product: Product, by: Client, **given: Any) -> None:
        """Make the user."""
        self.product = product
        self.name = f"account-{secrets.token_hex(6)}"
        self.password = GOOD
        made = by.post("/api/users/", json={"username": self.name, "password": GOOD, **given})
        assert made.status_code == 201, made.text
        self.record: dict[str, Any] = made.json()
        self.id: int = self.record["id"]
        self.path = f"/api/users/{self.id}/"

    def try_password(self, password: str | None = None, base: str | None = None) -> httpx.Response:
        """Try to sign in."""
        return ask(self.product, TOKEN, base, username=self.name, password=password or self.password)

    def signed_in(self) -> "SignedIn":
        """Return a new session."""
        answer = self.try_password()
        assert answer.status_code == 200, answer.text
        return SignedIn(self.product, answer.json())

    def fail(self, times: int) -> None:
        """Sign in with wrong passwords."""
        for _ in range(times):
            assert self.try_password("wrong-password").status_code == 401

    def topics(self, admin: Client) -> list[str]:
        """Return what befell the user, by its names."""
        return [entry["event"] for entry in self.history(admin)]

    def history(self, admin: Client) -> list[dict[str, Any]]:
        """Return what befell the user."""
        answer = admin.get(f"{self.path}history/", params={"limit": 200})
        assert answer.status_code == 200, answer.text
        entries: list[dict[str, Any]] = answer.json()["results"]
        return entries


class SignedIn(Client):
    """A client in a session of its own, which it knows the refresh token of."""

    def __init__(self, product: Product, tokens: dict[str, Any]) -> None:
        """Go on with both tokens."""
        super().__init__(product.http, tokens["access"])
        self.product = product
        self.access: str = tokens["access"]
        self.refresh: str = tokens["refresh"]

    def is_in(self) -> bool:
        """Tell whether the access token is good."""
        return self.get("/api/users/me/").status_code == 200

    def goes_on(self) -> bool:
        """Tell whether the refresh token is good."""
        return ask(self.product, REFRESH, refresh=self.refresh).status_code == 200

    def is_over(self) -> bool:
        """Tell whether neither token is good."""
        return not self.is_in() and not self.goes_on()

    def session(self) -> str:
        """Return the id of this session."""
        (current,) = [it for it in self.get(SESSIONS).json()["results"] if it["current"]]
        found: str = current["id"]
        return found


def account(people: People, product: Product, **given: Any) -> Account:
    """Return a new user, made by the administrator."""
    return Account(product, people("administrator"), **given)


def role(people: People, *permissions: str) -> str:
    """Return the name of a new role that permits just this."""
    name = f"role-{secrets.token_hex(6)}"
    made = people("administrator").post("/api/config/roles/", json={"name": name, "permissions": permissions})
    assert made.status_code == 201, made.text
    return name
