"""The size of a record's proof, and how long it takes to make and to check, by the size of the ledger."""

from collections.abc import Iterator, Sequence

from bench.child import call
from bench.plan import Figure, Record
from bench.rows.growth import MANY_EVENTS
from bench.rows.read import EVENTS
from bench.stage import Stage

#: The same life cycle in each of the ledgers.
_DEVIATION = 500
_TIMES = 21


def _measure(stage: Stage) -> Sequence[Figure]:
    ledgers = [("few", EVENTS), ("history", stage.events), ("very_many", MANY_EVENTS)]
    return [figure for name, events in ledgers for figure in _figures(stage, name, events)]


def _figures(stage: Stage, name: str, events: int) -> Iterator[Figure]:
    ledger = stage.database(name, events)
    keys, file = str(ledger.data / "keys"), str(ledger.data / "checkpoints.log")
    done = call("bench.ours:prove", url=ledger.url, keys=keys, file=file, number=_DEVIATION, times=_TIMES)
    proved, hashes = done["events"], done["hashes"]
    yield Figure(
        f"proof of {proved} events, in a ledger of {done['size']:,}",
        f"{done['bytes']:,} bytes, {hashes / proved:.1f} hashes an event",
        f"≤ {(done['size'] - 1).bit_length()} hashes",
        hashes <= proved * (done["size"] - 1).bit_length(),
    )
    took = f"{done['next'] * 1000:.1f} ms, the first of a process {done['first'] * 1000:,.0f} ms"
    yield Figure(f"… to make, in a ledger of {done['size']:,}", f"{took}, {done['memory'] / 1024**2:.0f} MiB at most")
    yield Figure(f"… to check, in a ledger of {done['size']:,}", f"{done['check'] * 1000:.2f} ms")


RECORD = Record(
    name="proof",
    how=(
        f"The bundle of one deviation (the same life cycle each time) made {_TIMES} times in one process, the median; "
        "the first one hashes the whole ledger's stored leaf hashes. Checked by the verifier, its start not counted."
    ),
    measure=_measure,
)
