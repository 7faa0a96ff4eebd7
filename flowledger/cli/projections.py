"""Read models: where they stand, and building them anew."""

import asyncio

from cyclopts import App

from flowledger.cli.common import Data, Json, answer, migrated, progress, settings_of
from flowledger.cli.report import status_text
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.vault import Vault
from projections.rebuild import rebuild as rebuild_all
from projections.status import ProjectionStatus
from projections.status import status as status_of

app = App(name="projections", help="The read models.")


@app.command
def status(*, data: Data = None, json: Json = False) -> int:
    """Say where each consumer of the ledger stands; exit 1 where one stands still."""
    settings = settings_of(data)
    with migrated(settings) as base:
        found = asyncio.run(_status(base.url))
    answer(found, status_text(found), as_json=json)
    return 1 if any(one.failure for one in found) else 0


@app.command
def rebuild(name: str | None = None, *, data: Data = None, json: Json = False) -> int:
    """Build read models anew beside the live ones, and swap at the end; nobody is stopped for it."""
    settings = settings_of(data)
    codec = Codec(Vault(Keys(settings.keys)))
    with migrated(settings) as base, progress("rebuild") as bar:
        done = asyncio.run(
            rebuild_all(
                base.url,
                codec,
                [name] if name else None,
                lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total),
            )
        )
    answer(done, "\n".join(f"{one.name}: {one.events} events, {one.seconds:.1f} s" for one in done), as_json=json)
    return 0


async def _status(url: str) -> list[ProjectionStatus]:
    connection = await connect(url, "status")
    try:
        return await status_of(connection)
    finally:
        await connection.close()
