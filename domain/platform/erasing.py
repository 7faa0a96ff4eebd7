"""What may be said of why somebody is erased: it is kept for ever, and readable."""

import re
from collections.abc import Iterable, Iterator

from domain.errors import Fault, InvalidInput
from domain.events import Personal, Recorded
from domain.given import own_fields
from domain.platform.users import fold_name

#: What tells who somebody is.
_TELLING = frozenset({"username", "first_name", "last_name", "email", "phone"})
_NAMES = frozenset({"first_name", "last_name"})
#: Shorter ones, whole, and shorter parts of names (`van`, `de la`) stand in a reason by chance.
_SHORTEST, _SHORTEST_PART = 3, 4


def check_reason(reason: str, events: Iterable[Recorded]) -> None:
    """Raise InvalidInput for a reason that says who is to be erased, in whole words, however they are written.

    events: the user's, with all that was ever known of the person.
    """
    said = _folded(reason)
    if any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said) for word in set(_words(events))):
        raise InvalidInput([Fault("reason", "It is kept for ever, and readable: say why without saying who.")])


def _words(events: Iterable[Recorded]) -> Iterator[str]:
    given = [getattr(it.event, name) for it in events for name in own_fields(type(it.event))]
    known = [one.value for one in given if isinstance(one, Personal) and one.value is not None]
    for value in known:
        for name in value.keys() & _TELLING:
            whole = _folded(value[name])
            parts = whole.split() if name in _NAMES else ()
            yield from (part for part in parts if len(part) >= _SHORTEST_PART)
            if len(whole) >= _SHORTEST:
                yield whole


def _folded(text: str) -> str:
    """Return a text as it is compared: NFKC, case-folded, one space between words."""
    return " ".join(fold_name(text).split())
