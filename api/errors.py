"""Where the errors' codes meet HTTP. The only place that knows both."""

import psycopg
from litestar.exceptions import HTTPException
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from domain.errors import FlowledgerError, KeyReused, Unavailable

STATUS = {
    "VALIDATION_ERROR": 400,
    "AUTHENTICATION_REQUIRED": 401,
    "PERMISSION_DENIED": 403,
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


class HttpRefusal(FlowledgerError):
    """A refusal that HTTP alone knows of: no such path, not this method on it, no such range."""

    def __init__(self, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.headers = headers


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
