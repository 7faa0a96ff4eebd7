"""What became of erased people, as a person reads it."""

from collections.abc import Sequence
from datetime import datetime

from flowledger.erasing import Erasure
from projections.kept import Kept

_GOES_AT_ONCE = "e-mail address, profile, password, second factor and sessions; and the name, wherever else it is shown"


def to_erase_text(found: Erasure) -> str:
    """Say what would go at once, and what would stay."""
    return "\n".join([f"user {found.id} is to be erased: {_GOES_AT_ONCE}", *_kept_lines(found.kept)])


def erasure_text(done: Erasure) -> str:
    """Say what went at once, and what stays until when."""
    lines = [f"{done.shown_as} since {_day(done.erased_at)}: gone are {_GOES_AT_ONCE}"]
    lines += ["the printed name is gone, too"] if done.name_erased_at else _kept_lines(done.kept)
    return "\n".join([*lines, "the user name is never given again", _old_copies(done)])


def due_text(found: Sequence[Erasure]) -> str:
    """Say of each erased user until when the printed name is kept."""
    lines = [f"{'user':>6} {'erased':<10} {'name gone':<12} kept by"]
    for one in found:
        until = _day(one.name_erased_at) if one.name_erased_at else _until(one.kept)
        by = ", ".join(f"{it.records} {it.kind}" for it in one.kept.records) or "nothing"
        lines.append(f"{one.id:>6} {_day(one.erased_at):<10} {until:<12} {by}")
    return "\n".join(lines)


def _kept_lines(kept: Kept) -> list[str]:
    if not kept.records:
        return ["no record keeps the printed name: a worker destroys it a minute after, if none comes to keep it"]
    lines = [f"the printed name stays sealed, and is shown in the history of these records, until {_until(kept)}:"]
    for it in kept.records:
        opened = [f"{it.open} open: kept until so many years, the setting, after they end"] if it.open else []
        ended = [f"{it.records - it.open} ended: kept until {_day(it.until)}"] if it.until else []
        lines.append(f"  {it.records} {it.kind} ({'; '.join([*opened, *ended])})")
    return lines


def _old_copies(done: Erasure) -> str:
    what = "old copies of answers and webhooks' bodies, which data.key alone opens"
    where = "archived WAL and backups" if done.vacuumed else "the database's files until vacuum, in WAL and backups"
    return f"{what}, may stay in {where}"


def _until(kept: Kept) -> str:
    return _day(kept.until) if kept.until else "they end" if kept.records else "soon"


def _day(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d") if moment else "-"
