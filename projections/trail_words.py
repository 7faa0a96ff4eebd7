"""The words by which an event of the trail is found, and the question for some of them."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache

from msgspec import Struct

from domain.events import Event
from domain.given import own_fields

#: Fields that hold nothing that anybody looks for.
_SILENT = frozenset({"key"})
_WORD = re.compile(r"[^\W_]+")
#: Of ASCII, everything that is in no word to a space.
_PARTING = {code: " " for code in range(128) if not chr(code).isalnum()}
#: What PostgreSQL takes for one word is longer.
_LONGEST = 100


def words_of(event: Event, number: str) -> str:
    """Return what an event says in clear, nothing that is sealed: its words, each once, sorted, parted by spaces."""
    said = [event.topic, number, event.comment or "", event.reason or ""]
    if event.signature is not None:
        said.append(event.signature.meaning)
    for name in _telling(type(event)):
        value = getattr(event, name)
        if isinstance(value, str):
            said.append(value)
        elif value is not None:
            said += _texts(value)
    return " ".join(sorted(set(split(" ".join(said)))))


def split(text: str) -> list[str]:
    """Return the words of a text as they are compared: letters and digits, NFKC and case-folded."""
    if text.isascii():  # As nearly all is: the same words, in a third of the time.
        words = text.lower().translate(_PARTING).split()
    else:
        words = _WORD.findall(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))
    return [word[:_LONGEST] for word in words]


def question(text: str) -> str:
    """Return the tsquery for what has all words of a text; one that ends with `*` stands for those that begin so.

    "" where there is no word in it.
    """
    terms = []
    for part in text.split():
        words = split(part)
        terms += [f"'{word}'" for word in words]
        if words and part.endswith("*"):
            terms[-1] += ":*"
    return " & ".join(terms)


@cache
def _telling(event: type[Event]) -> tuple[str, ...]:
    """Return the fields of a fact in which there may be something that somebody looks for."""
    return tuple(own_fields(event).keys() - _SILENT)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _texts(getattr(value, name))
    elif isinstance(value, Mapping):
        for name in value:
            yield from _texts(name)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _texts(one)
