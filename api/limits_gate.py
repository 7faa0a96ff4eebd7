"""The rate limits as a request meets them: for whom it counts, whether it is let in, and what the answer tells."""

import math
import time
from typing import TYPE_CHECKING, Any

from api.identity import identify
from api.limits import Limits
from api.limits_caller import UNLIMITED, address_key, hourly_limit, user_key
from api.limits_count import PostgresCounts
from api.limits_portion import Verdict
from api.peer import client_address
from api.reply import RawHeaders
from domain.errors import NotSignedIn, RateLimited
from domain.platform.users import User

if TYPE_CHECKING:
    from api.doors import Doors

#: What load balancers and supervisors ask: always answered, and not counted.
_FREE = frozenset({"/healthz", "/healthz/", "/readyz", "/readyz/"})


class Turnstile:
    """Counts each request for whoever sends it."""

    def __init__(self, doors: "Doors") -> None:
        """Count where the settings say so."""
        self._doors = doors
        self._limits = Limits(PostgresCounts(doors.pool)) if doors.settings.rate_limit else None

    def start(self) -> None:
        """Give back what is not used, from now on."""
        if self._limits is not None:
            self._limits.start()

    async def stop(self) -> None:
        """Give back all that is left."""
        if self._limits is not None:
            await self._limits.stop()

    async def count(self, scope: Any, tags: RawHeaders) -> None:
        """Count a request, and add to `tags` the headers that tell of it: none where it is not limited.

        Raises RateLimited for one too many; Unavailable, or what psycopg raises, where that can't be known.
        """
        if self._limits is None or scope["path"] in _FREE:
            return
        user = await self._user(scope["state"])
        ceiling = hourly_limit(self._doors.standing.settings, user)
        if ceiling == UNLIMITED:
            return
        key = self._address(scope) if user is None else user_key(user)
        verdict = self._limits.admit(key, ceiling) or await self._limits.ask(key, ceiling)
        tags += _headers(verdict)
        if not verdict.admitted:
            raise RateLimited(verdict.limit, max(1, math.ceil(verdict.reset - time.time())))

    async def _user(self, state: dict[str, Any]) -> User | None:
        """Return who asks, and leave word of it for the doors; None for nobody, and for a token that is no good."""
        if not self._doors.standing.loaded:
            await self._doors.learn()
        try:
            identity = await identify(self._doors, state["headers"])
        except NotSignedIn:
            return None
        state["identity"] = identity
        return identity.user

    def _address(self, scope: Any) -> str:
        peer, forwarded = scope.get("client"), scope["state"]["headers"].get("x-forwarded-for", "")
        return address_key(client_address(peer[0] if peer else None, forwarded, self._doors.settings.trusted_proxies))


def _headers(verdict: Verdict) -> RawHeaders:
    return [
        (b"x-ratelimit-limit", b"%d" % verdict.limit),
        (b"x-ratelimit-remaining", b"%d" % verdict.remaining),
        (b"x-ratelimit-reset", b"%d" % verdict.reset),
    ]
