"""What a setting's text may be: parsers from text to value.

Each takes a text that is not empty and raises ValueError with a reason that may be shown to
anyone: it never quotes the text, which could be a secret.
"""

import math
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit


def flag(text: str) -> bool:
    """A switch: on or off."""
    if text.lower() in {"1", "on", "true", "yes"}:
        return True
    if text.lower() in {"0", "off", "false", "no"}:
        return False
    raise ValueError("must be on or off (or 1, 0, true, false, yes, no)")


def number(text: str) -> float:
    """Seconds, zero or more."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a number of seconds") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError("must be a finite number of seconds, zero or more")
    return value


def seconds(text: str) -> float:
    """Seconds, more than zero."""
    if (value := number(text)) == 0:
        raise ValueError("must be more than zero seconds")
    return value


def whole_seconds(text: str) -> int:
    """Seconds, at least one and without a fraction."""
    value = seconds(text)
    if not value.is_integer():
        raise ValueError("must be a whole number of seconds")
    return int(value)


def items(text: str) -> tuple[str, ...]:
    """What stands between commas; what is empty is left out."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def schedule(text: str) -> tuple[float, ...]:
    """One wait in seconds or several."""
    if not (waits := tuple(number(item) for item in items(text))):
        raise ValueError("must hold at least one number of seconds")
    return waits


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks; an address is the network of itself."""
    try:
        return tuple(ip_network(item, strict=False) for item in items(text))
    except ValueError:
        raise ValueError("must be addresses or networks between commas, such as 127.0.0.1,10.0.0.0/8") from None


def choice(*words: str) -> Callable[[str], str]:
    """A parser of one word out of `words`, in small letters."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text.lower()

    return parse


def url(*schemes: str, host: bool = True) -> Callable[[str], str]:
    """A parser of URLs; `host=False` lets the host be missing, as in a socket's URL."""
    form = " or ".join(f"{scheme}://" for scheme in schemes)

    def parse(text: str) -> str:
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError:
            raise ValueError("is not a URL") from None
        if parts.scheme not in schemes or (host and not parts.hostname) or "://" not in text:
            raise ValueError(f"must be a URL that begins with {form}")
        return text

    return parse


def base_url(text: str) -> str:
    """A web address that paths are put behind, without its last slash."""
    parts = urlsplit(url("http", "https")(text))
    if parts.query or parts.fragment:
        raise ValueError("must be a URL without query and fragment")
    return text.rstrip("/")


def store(text: str) -> str:
    """Where files are kept: a bucket, with a prefix if there is one, or a folder; a key of it has no place in it."""
    parts = urlsplit(url("s3", "gs", "az", "file", host=False)(text))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a URL without user, query and fragment; credentials come from the environment")
    if bool(parts.hostname) == (parts.scheme == "file") or (parts.scheme == "file" and len(parts.path) < 2):
        raise ValueError("must name a bucket (s3://bucket/prefix), or a folder (file:///srv/files)")
    return text


def origins(text: str) -> tuple[str, ...]:
    """Origins as browsers send them, or *."""
    for item in items(text):
        if item != "*" and urlsplit(base_url(item)).path not in {"", "/"}:
            raise ValueError("must be origins between commas, such as https://app.example.com")
    return tuple(item.rstrip("/") for item in items(text))
