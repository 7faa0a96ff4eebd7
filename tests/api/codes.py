"""One-time codes, as a user's app makes them."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pyotp

from tests.api.accounts import TOKEN, Account, SignedIn, ask
from tests.support.product import Product

TOTP, CONFIRM = "/api/users/me/totp/", "/api/users/me/totp/confirm/"
_STEP_SECONDS = 30


def step() -> int:
    """Return the step of now."""
    return int(time.time()) // _STEP_SECONDS


def in_one_step(do: Callable[[], httpx.Response]) -> httpx.Response:
    """Do something within one step: again, where the next one began meanwhile."""
    while True:
        before = step()
        answer = do()
        if step() == before:
            return answer


def wrong_code(secret: str) -> str:
    """Return a code that is none of those around now."""
    around = {pyotp.TOTP(secret).generate_otp(step() + ahead) for ahead in range(-2, 3)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in around)


class App:
    """A user's app, which knows the secret; set up in a session of his."""

    def __init__(self, account: Account, session: SignedIn) -> None:
        """Set the codes up, and show the first."""
        self.account = account
        drawn = session.post(TOTP, json={"password": account.password})
        assert drawn.status_code == 200, drawn.text
        self.secret: str = drawn.json()["secret"]
        self.uri: str = drawn.json()["uri"]
        shown = session.post(CONFIRM, json={"otp": self.code()})
        assert shown.status_code == 200, shown.text

    def code(self, ahead: int = 0) -> str:
        """Return the code of now, or so many steps ahead."""
        return pyotp.TOTP(self.secret).generate_otp(step() + ahead)

    def fresh(self, ahead: int = 0) -> str:
        """Return the same; whatever was taken before is forgotten."""
        spent(self.account.product, self.account.id, 0)
        return self.code(ahead)

    def wrong(self) -> str:
        """Return a code that is none of those around now."""
        return wrong_code(self.secret)

    def sign_in(self, otp: str | None = None, base: str | None = None, **more: Any) -> httpx.Response:
        """Try to sign in with the right password, and a code."""
        given = {"username": self.account.name, "password": self.account.password, **more}
        return ask(self.account.product, TOKEN, base, **given, **({} if otp is None else {"otp": otp}))


def spent(product: Product, user: int, last: int) -> None:
    """Have all codes up to a step be taken."""
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"]) as connection:
        connection.execute("UPDATE ops.second_factors SET last_step = %s WHERE user_id = %s", (last, user))
