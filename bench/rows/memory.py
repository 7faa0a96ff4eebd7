"""What memory is held: an API process after many requests, a rebuild of few and of many events."""

from collections.abc import Sequence

from bench import product
from bench.child import call, memory
from bench.generator import Request, drive
from bench.measure import say
from bench.plan import Figure, Record
from bench.rows.write import BODY
from bench.stage import Stage

REQUESTS = 100_000
_CONNECTIONS = 32
_MIB = 1024**2
_MOST = 150 * _MIB
#: Of the requests: the rest are details of one deviation.
_WRITES = 5_000
_LISTS = 35_000
#: A rebuild of five times the events may take so much more.
_FLAT = 1.15
_SLICE_SECONDS = 4.0


def _measure(stage: Stage) -> Sequence[Figure]:
    return [*_api(stage), *_rebuild(stage)]


def _api(stage: Stage) -> list[Figure]:
    with product.running(stage.database("memory", 5_000), 1) as it:
        url = it.address + "/api/deviations/"
        (pid,) = it.api
        begun = memory(pid, "VmRSS")
        writes = _ask(Request(url, "POST", it.headers, BODY), _WRITES, pid)
        early = memory(pid, "VmRSS")
        reads = _ask(Request(url, headers=it.headers), _LISTS, pid)
        reads += _ask(Request(f"{url}1/", headers=it.headers), REQUESTS - writes - reads, pid)
        end, peak = memory(pid, "VmRSS"), memory(pid)
    what = f"API process after {writes + reads:,} requests ({writes:,} writes, the rest lists and details)"
    grew = f"{begun / _MIB:.0f} MiB at the start, {early / _MIB:.0f} after the writes, {end / _MIB:.0f} at the end"
    return [Figure(what, f"{peak / _MIB:.0f} MiB at most; {grew}", "< 150 MiB", peak < _MOST)]


def _ask(request: Request, least: int, pid: int) -> int:
    done = 0
    while done < least:
        done += drive(request, _CONNECTIONS, _SLICE_SECONDS).requests
        say(f"  {request.method} {done:,}: {memory(pid, 'VmRSS') / _MIB:.0f} MiB")
    return done


def _rebuild(stage: Stage) -> list[Figure]:
    few, many = stage.events // 5, stage.events
    peaks = {
        events: call("bench.ours:rebuild_deviations", url=it.url, keys=str(it.data / "keys"))["memory"]
        for events, it in ((few, stage.database("fewer", few)), (many, stage.database("history", many)))
    }
    value = ", ".join(f"{peak / _MIB:.0f} MiB at {events:,} events" for events, peak in peaks.items())
    return [
        Figure(
            "rebuild of the deviations, peak",
            value,
            f"flat: at most {_FLAT:g} times",
            peaks[many] <= peaks[few] * _FLAT,
        )
    ]


RECORD = Record(
    name="memory",
    how=(
        f"Resident memory of one API process while {REQUESTS:,} requests are answered over {_CONNECTIONS} connections; "
        "that of a process that rebuilds the deviations and nothing else, at its peak."
    ),
    measure=_measure,
)
