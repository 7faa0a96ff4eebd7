"""Which other sites' pages may call the API from a browser: those that the setting names, never with cookies."""

from collections.abc import Collection, Mapping

from api.reply import Answer, RawHeaders

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_MAY_SEND = (
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Range, X-Correlation-ID, "
    "X-Min-Position, X-Request-ID"
)
_MAY_READ = (
    "Accept-Ranges, Allow, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Retry-After, "
    "WWW-Authenticate, X-Position, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Read-Position, "
    "X-Request-ID"
)
_KEPT_SECONDS = 7200
_ANY = "*"


class Cors:
    """Cross-origin requests, as the Fetch standard has them."""

    def __init__(self, origins: Collection[str]) -> None:
        """Allow these origins; `*` allows any."""
        self._any = _ANY in origins
        self._origins = frozenset(origins)

    def headers(self, asked: Mapping[str, str]) -> RawHeaders:
        """Return what an answer carries so that the page may read it, and a cache keeps origins apart."""
        if not self._origins:
            return []
        varies = [] if self._any else [(b"vary", b"Origin")]
        origin = asked.get("origin", "")
        if not self._allows(origin):
            return varies
        allowed = _ANY if self._any else origin
        return [
            *varies,
            (b"access-control-allow-origin", allowed.encode("latin-1")),
            (b"access-control-expose-headers", _MAY_READ.encode()),
        ]

    def preflight(self, method: str, asked: Mapping[str, str]) -> Answer | None:
        """Return the answer to a browser that asks whether its page may make a request; None for all else."""
        if method != "OPTIONS" or "access-control-request-method" not in asked:
            return None
        if not self._allows(asked.get("origin", "")):
            return None
        return Answer(
            204,
            [
                (b"access-control-allow-methods", _METHODS),
                (b"access-control-allow-headers", _MAY_SEND.encode()),
                (b"access-control-max-age", b"%d" % _KEPT_SECONDS),
            ],
            b"",
        )

    def _allows(self, origin: str) -> bool:
        return bool(origin) and (self._any or origin in self._origins)
