"""Which of the forms that there are a client likes best, by its Accept."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def liked(accept: str, forms: Mapping[str, T], otherwise: T) -> T:
    """Return the form that an Accept likes best of those that there are, by media range; else the other one."""
    ranges = [_range(one) for one in accept.split(",")]
    wanted = sorted((one for one in ranges if one[1] > 0), key=lambda one: -one[1])
    return next((forms[name] for name, _ in wanted if name in forms), otherwise)


def _range(text: str) -> tuple[str, float]:
    """Return a media range, and how well it is liked."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    given = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
    try:
        return name, float(given)
    except ValueError:
        return name, 0.0
