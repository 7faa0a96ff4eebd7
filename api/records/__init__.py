"""Doors of records with a workflow, made from a description: a dialect says what its kind of record is, once.

Every door refuses in the contract's order: no such record or not to be seen (404), not to be done by who asks or a bad
signature (403), If-Match (412), the input with all its faults (400), the state and the guards (409).
"""

from api.records.copies import copy
from api.records.edits import change
from api.records.proof import proof
from api.records.reading import get, narrowed, offers
from api.records.resource import Around, Decided, Forms, Resource, around, check_present, present, reply
from api.records.steps import alter, altered, fire, remove
from api.records.trail import history

__all__ = [
    "Around",
    "Decided",
    "Forms",
    "Resource",
    "alter",
    "altered",
    "around",
    "change",
    "check_present",
    "copy",
    "fire",
    "get",
    "history",
    "narrowed",
    "offers",
    "present",
    "proof",
    "remove",
    "reply",
]
