"""Reports as a person reads them."""

from collections.abc import Sequence

from audit.files import FilesReport
from audit.replay import ReplayReport
from audit.report import Report
from projections.status import ProjectionStatus

_SHOWN = 20


def verify_text(report: Report) -> str:
    """Say what verifying found."""
    checked = (
        f"{report.events:,} events ({report.bytes:,} bytes) and {report.checkpoints} checkpoints in "
        f"{report.seconds:.2f} s, {report.events_per_second:,.0f} events/s"
    )
    covered = (
        f"the newest {report.uncovered:,} events are not covered by a checkpoint yet"
        if report.uncovered
        else "every event is covered by a signed checkpoint"
    )
    lines = [f"checked {checked}", f"root {report.root}", covered]
    if report.forks:
        times = "once" if report.forks == 1 else f"{report.forks} times"
        lines.append(f"a backup was restored {times}, acknowledged in the ledger and in the file of checkpoints")
    if report.ok:
        return "\n".join(["verified: the history is whole", *lines])
    at = "" if report.position is None else f" at position {report.position}"
    problems = [f"  {'-' if it.position is None else it.position}: {it.why}" for it in report.problems[:_SHOWN]]
    more = [f"  … and {report.found - _SHOWN} more"] if report.found > _SHOWN else []
    return "\n".join([f"NOT WHOLE{at}: {report.problems[0].why}", *problems, *more, *lines])


def files_text(report: FilesReport) -> str:
    """Say what comparing the files found."""
    line = f"read {report.files:,} files ({report.bytes:,} bytes) in {report.seconds:.2f} s"
    if report.ok:
        return f"verified: every file is what was recorded\n{line}"
    problems = [f"  {it.position}: {it.why}" for it in report.problems[:_SHOWN]]
    more = [f"  … and {report.found - _SHOWN} more"] if report.found > _SHOWN else []
    return "\n".join(["NOT WHOLE: files are not what was recorded", *problems, *more, line])


def replay_text(report: ReplayReport) -> str:
    """Say what replaying found."""
    speed = f"{report.seconds:.2f} s, {report.events_per_second:,.0f} events/s"
    lines = [f"folded {report.streams:,} streams of {report.events:,} events in {speed}"]
    for model in report.models:
        wrong = f"{model.differing} differ, {model.missing} missing, {model.surplus} too many"
        good = not (model.differing or model.missing or model.surplus)
        behind = f", {model.behind:,} events behind" if model.behind else ""
        lines.append(f"{model.name}: {'agrees' if good else wrong} at position {model.position:,}{behind}")
    if report.foreign:
        names = ", ".join(f"{topic} ({count:,})" for topic, count in report.foreign.items())
        lines.append(f"passed over, not ours: {names}")
    if report.ok:
        return "\n".join(["replayed: the read models are what the events say", *lines])
    differences = [f"  {difference.sentence()}" for difference in report.differences[:_SHOWN]]
    more = [f"  … and {report.found - _SHOWN} more"] if report.found > _SHOWN else []
    return "\n".join(["DIFFERENT: the read models are not what the events say", *differences, *more, *lines])


def status_text(found: Sequence[ProjectionStatus]) -> str:
    """Say where each consumer stands, a line each."""
    lines = [f"{'name':<20} {'position':>10} {'lag':>8}  state"]
    for one in found:
        state = f"STANDS STILL: {one.failure}" if one.failure else ("led" if one.leading else "nobody leads")
        lines.append(f"{one.name:<20} {one.position:>10} {one.lag:>8}  {state}")
    return "\n".join(lines)
