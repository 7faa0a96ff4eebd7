"""Judging a ledger that was read to its end: what only shows there."""

from audit.forks import judge_forks
from audit.report import Findings
from audit.walk import Head, Walk
from ledger.merkle import Tree
from ledger.note import Fork
from ledger.rows import microseconds
from ledger.scan import unix_microseconds


def judge(walk: Walk, head: Head, findings: Findings) -> None:
    """Add what only shows at the end: a tail that is cut or grown, altered events, roots that do not fit."""
    _judge_tail(walk, head, findings)
    walk.counters.judge(head.numbers, findings)
    judge_forks(walk.forked, walk.forks, walk.last, findings)
    counted = head.size == walk.tree.size == walk.last
    try:
        fits = counted and Tree(head.size, head.edge).root() == walk.tree.root()
    except ValueError as error:
        findings.add(None, f"The head row does not hold a tree: {error}.")
        fits = False
    _judge_leaves(walk, findings, fits=fits)
    if walk.bad is not None:
        _judge_checkpoints(walk, walk.bad, findings)
    elif counted and not fits:
        _judge_head(walk, findings)


def _judge_tail(walk: Walk, head: Head, findings: Findings) -> None:
    if head.size < walk.last:
        findings.add(head.size + 1, f"Events stand beyond the head, which counts {head.size}.")
    elif head.size > walk.last:
        findings.add(walk.last + 1, f"The events end at {walk.last}; the head counts {head.size}.")
    elif walk.last and microseconds(head.recorded_at) != unix_microseconds(walk.latest):
        findings.add(None, "The head's time is not that of the last event.")
    if walk.stored.beyond(walk.last):
        findings.add(walk.last + 1, f"Leaf hashes are stored of events after {walk.last}, which is the last there is.")
    for signed in walk.unmet:
        what = "A fork was signed that kept" if isinstance(signed, Fork) else "A checkpoint was signed over"
        findings.add(walk.tree.size + 1, f"{what} {signed.size} events; only {walk.tree.size} are there.")
    if walk.before_first():
        findings.add(None, "Events stand before position 1.")


def _judge_leaves(walk: Walk, findings: Findings, *, fits: bool) -> None:
    for position in walk.altered:
        if fits or position <= walk.good:
            why = f"The leaf hash stored for event {position} is not the event's, which fits the root."
        else:
            why = f"Event {position} is not what was recorded: its leaf hash is not the one stored with it."
        findings.add(position, why)
    findings.count += walk.altered_in_all - len(walk.altered)


def _judge_checkpoints(walk: Walk, bad: int, findings: Findings) -> None:
    first = walk.good + 1
    if findings.any_in(first, bad):
        findings.add(None, f"Signed checkpoints do not fit, {walk.misfits} in all, from that over {bad} events on.")
    else:
        why = (
            f"Events {first} to {bad} are not those over which a checkpoint was signed, though leaf hashes and head "
            f"agree with them; {first} is the first position that can differ."
        )
        findings.add(first, why)


def _judge_head(walk: Walk, findings: Findings) -> None:
    first, last = walk.good + 1, walk.tree.size
    if first > last:
        findings.add(None, "The head row was altered: every event fits the checkpoint over all of them.")
    elif not findings.any_in(first, last):
        why = (
            f"Events {first} to {last} and the head row do not agree: one of them was altered; "
            f"{first} is the first position that can differ."
        )
        findings.add(first, why)
