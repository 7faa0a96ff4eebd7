"""Attaching files to a record, and taking them off: the same for each kind with the steps `attach` and `detach`."""

from typing import Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import asdict

from domain.errors import Conflict, NotFound
from domain.events import Attempt, Event
from domain.quality.attachments import Attachment, present
from domain.workflow import Record, Workflow

ATTACH, DETACH = "attach", "detach"


class Holder(Record, Protocol):
    """A record that files are attached to."""

    @property
    def id(self) -> int: ...  # noqa: D102

    @property
    def attachments(self) -> tuple[Attachment, ...]: ...  # noqa: D102


H = TypeVar("H", bound=Holder)


class NewFile(Struct, frozen=True, kw_only=True):
    """A file that the store has, and that is to be attached."""

    key: str
    name: str
    media_type: str
    size: int
    sha256: str
    description: str = ""


def check_room(flow: Workflow[H], it: H, attempt: Attempt, most: int) -> None:
    """Raise Conflict with every rule that keeps a file from being attached now; `most` files are kept at once."""
    reasons = [*flow.refusals(flow.step(ATTACH), it, attempt, None), *_full(it, most)]
    if reasons:
        raise Conflict(*reasons)


def attach(flow: Workflow[H], it: H, attempt: Attempt, file: NewFile, most: int) -> Event:
    """Return the fact of an attached file. Raises what `Workflow.decide` does; Conflict where there are too many."""
    fact = flow.decide(flow.step(ATTACH), it, attempt, asdict(file))
    if full := _full(it, most):
        raise Conflict(*full)
    return fact


def detach(flow: Workflow[H], it: H, attempt: Attempt, number: int) -> Event:
    """Return the fact of a file that is no longer attached. Raises what `Workflow.decide` does, and NotFound."""
    return flow.decide(flow.step(DETACH), it, attempt, {"attachment_id": attached(it, number).id})


def attached(it: Holder, number: int) -> Attachment:
    """Return one of a record's files. Raises NotFound where there is none of that id, or not any more."""
    for file in present(it.attachments):
        if file.id == number:
            return file
    raise NotFound(f"There is no attachment {number} here.")


def _full(it: Holder, most: int) -> list[str]:
    there = len(present(it.attachments))
    return [] if there < most else [f"A record has at most {most} files; here are {there} already."]
