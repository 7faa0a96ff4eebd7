"""The load generator's own ceiling: it must not be what is measured."""

from collections.abc import Sequence

from bench import web
from bench.generator import Request, drive, tool
from bench.plan import Figure, Record
from bench.stage import Stage

_BYTES = 8_000


def _measure(stage: Stage) -> Sequence[Figure]:
    file = stage.folder / "canned.json"
    file.write_bytes(b"[" + b" " * (_BYTES - 2) + b"]")
    with web.running("bench.peers.canned", "-", 1, {"file": str(file)}) as address:
        found = drive(Request(address + "/"), 32, stage.seconds)
    return [Figure(f"the load generator's ceiling ({tool()}), {_BYTES:,} bytes", f"{found.rate:,.0f} requests/s")]


RECORD = Record(
    name="load",
    how="The load generator against a server that sends the same bytes to whatever comes, 32 connections.",
    measure=_measure,
)
