"""The counters of the head row: each must be the greatest number that an event bears."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from audit.report import Findings
from domain.catalogue import WORKFLOWS
from domain.events import FACTS

_FIELDS = {field for fact in FACTS.values() for field in fact.numbered}
_Numbers = msgspec.defstruct("_Numbers", [(field, int | str | None, None) for field in sorted(_FIELDS)])
_DECODER = msgspec.json.Decoder(_Numbers)
#: By stored name: each numbered field with its counter's name, and what its numbers begin after.
_NUMBERED: dict[bytes, list[tuple[str, str, int]]] = {
    topic.encode(): [
        (field, name, int(base or 0))
        for field, (name, _, base) in ((it, by.partition("+")) for it, by in given.items())
    ]
    for topic, given in ((topic, fact.numbered) for topic, fact in FACTS.items() if fact.kind in WORKFLOWS)
    if given
}
_HUMAN = re.compile(r"(.*[^0-9])([0-9]+)")
#: Of a human number's pattern what stands before the year, and of others the name.
_KNOWN = tuple({name.partition("{")[0] for numbered in _NUMBERED.values() for _, name, _ in numbered})


class Counters:
    """The greatest number of each counter that events bear, as they are read."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self._borne = dict[str, int]()

    def add(self, topic: bytes, state: bytes) -> None:
        """Take an event in; what is no fact of ours, or can't be read, bears none."""
        numbered = _NUMBERED.get(topic)
        if numbered is None:
            return
        try:
            numbers = _DECODER.decode(state)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        for field, name, base in numbered:
            value = getattr(numbers, field)
            if isinstance(value, int):
                self._bear(name, value - base)
            elif value and (human := _HUMAN.fullmatch(value)):
                self._bear(human[1], int(human[2]))

    def judge(self, counted: Mapping[str, Any], findings: Findings) -> None:
        """Add each counter of the head that is not the greatest number borne."""
        known = {name for name in counted if name.startswith(_KNOWN)}
        for name in sorted(known | self._borne.keys()):
            head, borne = counted.get(name, 0), self._borne.get(name, 0)
            if head != borne:
                findings.add(
                    None, f"The head row counts {head} of {name!r}; the last number that an event bears is {borne}."
                )

    def _bear(self, name: str, number: int) -> None:
        if number > self._borne.get(name, 0):
            self._borne[name] = number
