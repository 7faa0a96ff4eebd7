"""One request as the handlers see it."""

import asyncio
import re
import secrets
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from litestar import Request
from msgspec import Struct

from api.errors import HttpRefusal
from api.identity import Identity, identify
from api.input import Body, read_query, together
from api.peer import client_address, origin
from api.reply import etag_version
from api.user_facts import SYSTEM
from domain.errors import Denied, Fault, InvalidInput, NotFound, NotSignedIn, PreconditionFailed, Unavailable
from domain.events import Actor, Attempt, Source
from domain.platform.users import User
from domain.table import Record

if TYPE_CHECKING:
    from api.doors import Doors
    from api.idempotency import Key
    from api.lockout import Proof

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_POSITION = re.compile(r"\d{1,18}", re.ASCII)
_LARGEST_ID = 2**63 - 1
#: How many of the longest pauses a whole body may take.
_BODY_PAUSES = 3

S = TypeVar("S", bound=Struct)


class NoQuery(Struct, frozen=True):
    """The query of a door that takes none."""


class Call:
    """One request: who asks, what for, from where."""

    def __init__(self, doors: "Doors", request: Request[Any, Any, Any], view: str) -> None:
        """Read what is cheap; `identify` and `take_body` do the rest. `view`: the read model that answers."""
        self.doors = doors
        self.request = request
        self.view = view
        state = request.scope["state"]
        self.headers: dict[str, str] = state["headers"]
        self.request_id: str = state["request_id"]
        self.prefix: str = state["prefix"]
        #: Only the headers of the answer are asked for.
        self.head: bool = state["method"] == "HEAD"
        #: Who asks, where the gate has found it out.
        self._identity: Identity | None = state.get("identity")
        #: What the read model had passed before anything was read.
        self.seen = doors.read_position(view)
        self.user: User | None = None
        self.session: UUID | None = None
        self.token: str | None = None
        self.body = Body(b"", "")
        #: Other records on which what is decided stands: where one of them changes meanwhile, it is decided again.
        self.stands_on: list[Record] = []
        self.key: Key | None = None
        #: What who asks has proven himself with in this call already, and the hash that his password was compared with.
        self.proven: dict[Proof, str] = {}
        #: Whether the audit trail knows already of what this call is refused for.
        self.refusal_recorded = False

    @property
    def correlation(self) -> str:
        """The id that ties together what one intention caused; the client's, else the request's."""
        given = self.headers.get("x-correlation-id", "")
        return given if _ID.fullmatch(given) else self.request_id

    @property
    def source(self) -> Source:
        """Where the request came from, and by which token."""
        client = self.request.scope.get("client")
        forwarded = self.headers.get("x-forwarded-for", "")
        address = client_address(client[0] if client else None, forwarded, self.doors.settings.trusted_proxies)
        return Source(address=address, token=self.token)

    @property
    def base_url(self) -> str:
        """Where we are reached: the setting, else as the request says."""
        settings = self.doors.settings
        return settings.public_url or origin(self.request.scope, self.headers, settings.trusted_proxies)

    @property
    def actor(self) -> Actor:
        """Who acts. Raises NotSignedIn."""
        return self.doors.standing.actor(self.signed_in)

    def by_system(self, comment: str | None = None) -> Attempt:
        """Return what is recorded where nobody acts, but this call was the reason."""
        return Attempt(
            actor=SYSTEM, comment=comment, source=self.source, request=self.request_id, correlation=self.correlation
        )

    @property
    def signed_in(self) -> User:
        """The user who asks. Raises NotSignedIn."""
        if self.user is None:
            raise NotSignedIn("Sign in first: Authorization: Bearer <access token>.")
        return self.user

    @property
    def record_id(self) -> int:
        """The record's id in the path. Raises NotFound for one that no record can have."""
        return self.path_id("id")

    def path_id(self, name: str) -> int:
        """Return an id in the path by its name there. Raises NotFound for one that nothing can have."""
        number = int(self.request.path_params[name])
        if not 0 < number <= _LARGEST_ID:
            raise NotFound("There is no such record.")
        return number

    @property
    def least_position(self) -> int:
        """What X-Min-Position asks for, 0 without it. Raises InvalidInput for what is no position."""
        given = self.headers.get("x-min-position", "0")
        if not _POSITION.fullmatch(given):
            raise fault("X-Min-Position", "A position is a whole number.")
        return int(given)

    def query(self, shape: type[S]) -> S:
        """Return the query string as a struct. Raises InvalidInput naming every fault."""
        return read_query(shape, self.request.scope["query_string"])

    def given(self, shape: type[S], read_only: dict[str, Any] | None = None) -> S:
        """Return the body, of a door that takes no query. Raises InvalidInput naming every fault; see `Body.read`."""
        _, body = together(lambda: self.query(NoQuery), lambda: self.body.read(shape, read_only))
        found: S = body
        return found

    def require(self, permission: str) -> None:
        """Raise Denied unless who asks holds a permission."""
        if not self.actor.may(permission):
            raise Denied(f"This needs the permission {permission}.", permission)

    def check_version(self, version: int) -> None:
        """Raise PreconditionFailed where If-Match names another version of the record."""
        given = self.headers.get("if-match")
        if given is None or given.strip() == "*":
            return
        if not any(etag_version(tag) == version for tag in given.split(",")):
            raise PreconditionFailed(f"The record is at version {version}, not at the one that If-Match names.")

    async def follow(self, view: str) -> None:
        """Answer from a read model, once that is as far as the client asks for. Raises Unavailable."""
        least, self.view, self.seen = self.least_position, view, self.doors.read_position(view)
        if least <= self.seen:
            return
        if not await self.doors.passed(view, least):
            raise Unavailable(f"The read models have not come to position {least} yet; ask again in a moment.")
        self.seen = self.doors.read_position(view)

    async def identify(self, *, anew: bool = False) -> None:
        """Find out who asks; `anew`: whatever was found before. Raises NotSignedIn for nobody, and for a bad token."""
        identity = None if anew else self._identity
        identity = identity or await identify(self.doors, self.headers)
        self.user, self.session, self.token = identity

    async def take_body(self) -> None:
        """Read the body. Raises what the server says of one that is too large, and HttpRefusal for one without end."""
        try:
            async with asyncio.timeout(_BODY_PAUSES * self.doors.settings.request_seconds):
                content = await self.request.body()
        except TimeoutError as late:
            raise HttpRefusal("VALIDATION_ERROR", "The body took too long to come.") from late
        self.body = Body(content, self.headers.get("content-type", ""))


def new_request_id(given: str) -> str:
    """Return the client's request id where it is one, else a new one."""
    return given if _ID.fullmatch(given) else f"req_{secrets.token_hex(8)}"


def fault(field: str, message: str) -> InvalidInput:
    """Return an error of one fault."""
    return InvalidInput([Fault(field, message)])
