"""The errors that the product tells its users of. Each has a public code; HTTP is added in `api/errors.py`."""

from collections.abc import Sequence

from msgspec import Struct


class Fault(Struct, frozen=True):
    """One thing wrong with what was given: the field's path (`signature.password`) and a sentence."""

    field: str
    message: str


class FlowledgerError(Exception):
    """The root of every refusal; its message may be shown to whoever asked."""

    code = "INTERNAL_ERROR"


class InvalidInput(FlowledgerError):
    """What was given is faulty; every fault is named with its field, not the first alone."""

    code = "VALIDATION_ERROR"

    def __init__(self, faults: Sequence[Fault], message: str = "The request data is invalid") -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class Unreadable(InvalidInput):
    """The body could not be read at all: not JSON, not text, the wrong kind of value."""


class NotSignedIn(FlowledgerError):
    """Nobody, or nobody that we know, is asking."""

    code = "AUTHENTICATION_REQUIRED"


class Denied(FlowledgerError):
    """Who is asking may not do this, or the signature given with it is not good."""

    code = "PERMISSION_DENIED"

    def __init__(self, message: str, permission: str = "") -> None:
        super().__init__(message)
        #: The permission that is lacking, "" where another rule says no.
        self.permission = permission


class PasswordExpired(Denied):
    """The password is right, and so old that a new one has to be set first."""

    code = "PASSWORD_EXPIRED"


class NotFound(FlowledgerError):
    """There is no such record, or it is not for who is asking to see."""

    code = "RESOURCE_NOT_FOUND"


class Hidden(NotFound):
    """Who is asking may not see such records: he is told that there is none, the audit trail what he lacked."""

    def __init__(self, message: str, permission: str) -> None:
        super().__init__(message)
        self.permission = permission


class Conflict(FlowledgerError):
    """The state, a guard or a uniqueness says no; every rule that does is named."""

    code = "CONFLICT"

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class KeyReused(FlowledgerError):
    """The Idempotency-Key came before with another request."""

    code = "VALIDATION_ERROR"


class PreconditionFailed(FlowledgerError):
    """The record is no longer at the version that If-Match names."""

    code = "PRECONDITION_FAILED"


class TooLarge(FlowledgerError):
    """The body is larger than the door takes."""

    code = "PAYLOAD_TOO_LARGE"


class UnsupportedMedia(FlowledgerError):
    """The body is of a type that the door does not read."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class RateLimited(FlowledgerError):
    """Too many requests; `Retry-After` says when to ask again."""

    code = "RATE_LIMIT_EXCEEDED"

    def __init__(self, limit: int, seconds: int) -> None:
        super().__init__(f"More than {limit} requests in this hour; ask again in {seconds} seconds.")
        self.seconds = seconds


class Unavailable(FlowledgerError):
    """A part that is needed is away; asking again later may succeed."""

    code = "SERVICE_UNAVAILABLE"
