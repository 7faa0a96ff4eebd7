"""What the Merkle tree costs an append: the same writer with it and without."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.plan import Goal, Row, Side
from bench.rows import stored
from bench.rows.stored import Appender
from bench.stage import Stage

_CALLERS = (1, 64, 256)


@contextmanager
def _open(stage: Stage) -> Iterator[Mapping[str, Side]]:
    treed, bare = stage.database("append").url, stage.database("treeless").url
    sides = {}
    for callers in _CALLERS:
        given = {"callers": callers}
        sides[f"with, {callers}"] = Appender("bench.ours:append", given, treed, "ledger.events")
        sides[f"without, {callers}"] = Appender("bench.peers.without_tree:append", given, bare, "ledger.events")
    yield stored.sides(sides, stage.seconds)


def _said(callers: int) -> str:
    return "one caller" if callers == 1 else f"{callers} callers"


ROW = Row(
    name="tree",
    unit="appends/s",
    how="The same event as in the row append, by our writer as it is and by one that hashes and keeps no leaves.",
    sides={
        f"{how}, {callers}": f"our Writer {how} the tree, {_said(callers)}"
        for callers in _CALLERS
        for how in ("with", "without")
    },
    goals=tuple(
        Goal(
            what=f"appends with the tree, against none, {_said(callers)}",
            ours=f"with, {callers}",
            peer=f"without, {callers}",
        )
        for callers in _CALLERS
    ),
    open=_open,
)
