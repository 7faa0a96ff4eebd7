"""Forks: the ledger goes on from an older copy of itself, because a backup of it was restored. One record a fork."""

from uuid import UUID

from msgspec import Struct

from domain.events import Event, Recorded, fact, stream_id
from domain.workflow import Step, Who, Workflow

KIND, ACKNOWLEDGED = "ledger", "acknowledged"


class LedgerFork(Struct, frozen=True, kw_only=True):
    """A fork, as folded from its one event; None of what is not known of it."""

    id: int = 0
    stream: UUID = stream_id(KIND, 0)
    version: int = 0
    status: str = ACKNOWLEDGED
    kept: int | None = None
    abandoned: int | None = None
    reason: str | None = None


@fact("ledger.fork_acknowledged", numbered={"id": "fork"})
class ForkAcknowledged(Event, frozen=True, kw_only=True):
    """A backup was restored, and whoever did it said so.

    kept_size, kept_root: the events in front of this one, and their tree's root in hex. covered: how many of them a
    signed checkpoint covers. abandoned: how many signed checkpoints tell of what is not there any more, from that over
    first_abandoned events to that over last_abandoned. digest: the hash of their notes, in hex.
    """

    id: int = 0
    kept_size: int
    kept_root: str
    covered: int
    abandoned: int
    first_abandoned: int
    last_abandoned: int
    digest: str


def evolve(before: LedgerFork | None, recorded: Recorded) -> LedgerFork:
    """Fold the fact into its record. Total."""
    event, former = recorded.event, before or LedgerFork()
    named = event if isinstance(event, ForkAcknowledged) else None
    return LedgerFork(
        id=named.id if named else former.id,
        stream=recorded.stream,
        version=recorded.version,
        kept=named.kept_size if named else former.kept,
        abandoned=named.abandoned if named else former.abandoned,
        reason=event.reason,
    )


_OPERATOR: Who[LedgerFork] = Who(None, "the operator, at the command line")

FORKS: Workflow[LedgerFork] = Workflow(
    kind=KIND,
    states=(ACKNOWLEDGED,),
    creation=Step("acknowledge_fork", (), ACKNOWLEDGED, ForkAcknowledged, (_OPERATOR,), requires=("reason",)),
    steps=(),
    evolve=evolve,
)
