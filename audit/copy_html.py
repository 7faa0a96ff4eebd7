"""An inspector's copy as a page to read and to print: whole in itself, with no script and nothing from elsewhere."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, NamedTuple, cast

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from audit import verifier
from audit.copy import PEOPLE
from audit.copy_shapes import CopiedPerson, Copy
from ledger.rows import Row, row_hash

_KINDS: Final = {"capa": "CAPA", "qa": "QA", "id": "ID", "sha256": "SHA-256"}
#: Nothing is loaded, sent or run; the one style sheet is known by its hash; the proof may be saved.
_POLICY: Final = "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
_SHOWN: Final = "; frame-ancestors 'none'; sandbox allow-downloads"


class Leaf(NamedTuple):
    """An event's fingerprint: the hash of its leaf in the tree, in hex, over every column that is stored of it."""

    position: int
    version: int
    event: str
    hash: str


def html(it: Copy) -> bytes:
    """Return a copy as a page."""
    bundle = bytes(it.proof)
    proven = cast("verifier.Bundle", verifier.check(bundle))
    people = {person.id: person for person in it.people}
    page = _template().render(
        copy=it,
        style=_style(),
        policy=_policy(),
        head=proven.head,
        note=_note(bundle),
        key=proven.head.key.hex(),
        leaves=_leaves(it, proven),
        download=b64encode(bundle).decode(),
        shown=lambda field, value: _shown(field, value, people),
    )
    return page.encode()


def content_policy() -> str:
    """Return the Content-Security-Policy under which a copy is served."""
    return _policy() + _SHOWN


def _policy() -> str:
    return _POLICY.format(style=b64encode(sha256(_style().encode()).digest()).decode())


@cache
def _style() -> str:
    return (files("audit") / "templates" / "copy.css").read_text()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("audit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": _time, "label": _label, "called": _called}
    return environment.get_template("copy.html")


def _note(bundle: bytes) -> str:
    return str(verifier.canonical(bundle)["checkpoint"])


def _leaves(it: Copy, proven: verifier.Bundle) -> list[Leaf]:
    found = []
    stored = zip(it.events, proven.events, strict=True)
    for event, stood in stored:
        row = Row(stood.position, proven.stream, stood.version, stood.topic, stood.state, event.at)
        found.append(Leaf(stood.position, stood.version, stood.topic, row_hash(row).hex()))
    return found


def _moment(moment: datetime) -> str:
    """Return a time as people read it, with its zone; to the microsecond where there are any."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return f"{text.removesuffix('.000000')} UTC"


def _time(moment: datetime) -> Markup:
    """Return a time as an element of the page."""
    return Markup("<time>{}</time>").format(_moment(moment))


def _label(name: str) -> str:
    """Return what a name in the record is called where people read it: `QA approved`, `Investigation: findings`."""
    first, *others = name.split(".")
    return ": ".join((_words(first), *(_words(part).lower() for part in others)))


def _words(name: str) -> str:
    first, *others = (_KINDS.get(word, word) for word in name.lower().split("_"))
    return " ".join((first[:1].upper() + first[1:], *others))


def _called(person: CopiedPerson | None) -> str:
    if person is None:
        return "the system"
    if person.name == person.username:
        return f"{person.name} (user {person.id})"
    return f"{person.name} ({person.username}, user {person.id})"


def _shown(field: str, value: Any, people: Mapping[int, CopiedPerson]) -> str:
    """Return a field's value as people read it; users by their names."""
    name = field.rpartition(".")[2]
    if value is None or value in ("", [], ()):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name in PEOPLE and value in people:
        return _called(people[value])
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, list | tuple):
        inner = "owner" if name == "approvals" else name
        return ", ".join(_shown(inner, one, people) for one in value)
    return str(value)
