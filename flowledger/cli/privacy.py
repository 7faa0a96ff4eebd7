"""Privacy: erasing a person, and what is still kept of those who were."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

from cyclopts import App, Parameter
from msgspec.structs import replace

from flowledger.cli.common import Data, Json, Unaskable, answer, migrated, settings_of
from flowledger.cli.privacy_text import due_text, erasure_text, to_erase_text
from flowledger.erasing import Erasure, Privacy, let_go, privacy
from flowledger.settings import Settings
from ledger.keys import Keys

app = App(name="privacy", help="Erase people, and see what is still kept of them.")

R = TypeVar("R")


@app.command
def erase(
    user: str,
    *,
    reason: Annotated[str, Parameter(help="Why; it is kept for ever, and readable: not the person's name.")],
    yes: Annotated[bool, Parameter(help="Do not ask again.", negative="")] = False,
    data: Data = None,
    json: Json = False,
) -> int:
    """Destroy for ever what is known of USER: an id (17, user/17) or a user name. Nothing brings it back."""
    settings = settings_of(data)
    found = _run(settings, lambda it: it.look(user))
    if found.erased_at is None and not yes:
        _confirm(found)
    done = _run(settings, lambda it: it.erase(user, reason))
    with migrated(settings) as base:
        done = replace(done, vacuumed=base.admin_url is not None and let_go(base.admin_url))
    answer(done, erasure_text(done), as_json=json)
    return 0


@app.command
def due(*, data: Data = None, json: Json = False) -> int:
    """List everybody who was erased, and until when the printed name is kept."""
    found: Sequence[Erasure] = _run(settings_of(data), lambda it: it.due())
    answer(found, due_text(found), as_json=json)
    return 0


def _run(settings: Settings, do: Callable[[Privacy], Awaitable[R]]) -> R:
    async def on(url: str) -> R:
        async with privacy(url, Keys(settings.keys)) as it:
            return await do(it)

    with migrated(settings) as base:
        return asyncio.run(on(base.url))


def _confirm(found: Erasure) -> None:
    """Ask whoever sits there. Raises Unaskable where nobody does, or it is not wanted."""
    print(to_erase_text(found), file=sys.stderr)
    if not sys.stdin.isatty():
        raise Unaskable("Nothing was erased: say --yes, or ask at a terminal.")
    print(f"This can not be taken back. Type {found.id} to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != str(found.id):
        raise Unaskable("Nothing was erased.")
