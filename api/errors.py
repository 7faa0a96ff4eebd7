"""Where the errors' codes meet HTTP. The only place that knows both."""

from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from litestar.exceptions import HTTPException
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from domain.errors import Denied, FlowledgerError, Hidden, KeyReused, Unavailable

STATUS = {
    "VALIDATION_ERROR": 400,
    "AUTHENTICATION_REQUIRED": 401,
    "PASSWORD_EXPIRED": 403,
    "PERMISSION_DENIED": 403,  # Behind it: what HTTP's 403 alone says.
    "RESOURCE_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "CONFLICT": 409,
    "PRECONDITION_FAILED": 412,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RANGE_NOT_SATISFIABLE": 416,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
}
_CODES = {status: code for code, status in STATUS.items()}
_SAYS = {
    404: "There is nothing at this address.",
    405: "This method is not allowed here.",
    413: "The body is too large: it may have 1 MiB.",
}
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TooManyRequests)

#: Which of several refusals is told: one of these before any other, and of those the one with the least status.
_FIRST = (401, 404, 403)


class HttpRefusal(FlowledgerError):
    """A refusal that HTTP alone knows of: no such path, not this method on it, no such range."""

    def __init__(self, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.headers = headers


class ItemRefused(NamedTuple):
    """One of several things that were asked for at once: its place, which record it is about, and why it can't be."""

    place: int
    id: int
    error: FlowledgerError


class Several(FlowledgerError):
    """Some of several things that were asked for at once can't be done, and none of them was."""

    def __init__(self, refused: Sequence[ItemRefused]) -> None:
        super().__init__(f"{len(refused)} of the items can not be done; nothing was recorded.")
        self.refused = refused
        #: That of the refusal which comes first in the order of refusals.
        self.code = min((it.error.code for it in refused), key=_place)


def denials(error: Exception) -> list[Denied | Hidden]:
    """Return what who asks may not do or see, of everything that an error refuses; each rule once."""
    errors = [it.error for it in error.refused] if isinstance(error, Several) else [error]
    found = [one for one in errors if isinstance(one, Denied | Hidden)]
    return list({(str(one), one.permission): one for one in found}.values())


def _place(code: str) -> int:
    status = STATUS[code]
    return _FIRST.index(status) if status in _FIRST else status


def refusal(error: Exception) -> FlowledgerError | None:
    """Return what to tell of an error; None where it is a fault of ours, of which nothing is told."""
    if isinstance(error, FlowledgerError):
        return error
    if isinstance(error, _AWAY):
        return Unavailable("The database is away; ask again in a moment.")
    if isinstance(error, HTTPException) and error.status_code < 500:
        code = _CODES.get(error.status_code, "VALIDATION_ERROR")
        return HttpRefusal(code, _SAYS.get(error.status_code, "The request is not acceptable."))
    return None


def status_of(error: FlowledgerError) -> int:
    """Return the HTTP status of a refusal."""
    return 422 if isinstance(error, KeyReused) else STATUS[error.code]
