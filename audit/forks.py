"""Acknowledged forks: the event in the ledger and the note in the file must tell of the same one."""

from collections.abc import Mapping, Sequence

from audit.report import Findings
from domain.platform.forks import ForkAcknowledged
from ledger.note import Fork

#: The name of the events, as it is stored.
FORK = ForkAcknowledged.topic.encode()


def judge_forks(events: Mapping[int, bytes], notes: Sequence[Fork] | None, last: int, findings: Findings) -> None:
    """Add what one side tells of and the other does not.

    events: the leaf hash of each event that records a fork, by position. notes: those that the file tells of, None
    without a file. last: the last position there is.
    """
    if notes is None:
        return
    told = {fork.position: fork.leaf for fork in notes}
    for position in events.keys() - told.keys():
        findings.add(position, f"Event {position} acknowledges a fork of which there is no good note in the file.")
    for position, leaf in told.items():
        if events.get(position) == leaf:
            continue
        if position > last:
            why = f"The event that acknowledges a fork, {position}, is not there, though the file tells of it."
        else:
            why = f"Event {position} is not the one that acknowledges the fork of which the file tells."
        findings.add(min(position, last + 1), why)
