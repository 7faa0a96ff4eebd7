"""The database's address, demonstration data, and forgotten passwords."""

import asyncio
import sys
from typing import Annotated

from cyclopts import App, Parameter

from flowledger.administrator import reset_password, reset_totp
from flowledger.cli.common import Data, Json, answer, database, migrated, progress, settings_of
from flowledger.postgres import Embedded
from ledger.keys import Keys

db = App(name="db", help="The database.")
user = App(name="user", help="Users.")


@db.command
def url(
    *,
    admin: Annotated[bool, Parameter(help="The owner's, not the application's.", negative="")] = False,
    data: Data = None,
    json: Json = False,
) -> int:
    """Print the connection string of the application's role, or of the owner's."""
    settings = settings_of(data)
    if settings.database_url is None:
        urls = Embedded(settings.data).urls()
        found = urls.admin if admin else urls.application
    else:
        with database(settings) as base:
            found = base.owner() if admin else base.url
    answer({"url": found}, found, as_json=json)
    return 0


@user.command(name="reset-password")
def reset(
    name: str,
    *,
    password_stdin: Annotated[bool, Parameter(help="Read the new password from stdin.", negative="")] = False,
    data: Data = None,
    json: Json = False,
) -> int:
    """Give a user a new password, made up and printed unless it comes from stdin."""
    settings = settings_of(data)
    given = sys.stdin.readline().rstrip("\n") if password_stdin else None
    with migrated(settings) as base:
        made = asyncio.run(reset_password(base.url, Keys(settings.keys), name, given))
    told = {"username": name, "password": None if given else made}
    answer(told, f"The password of {name} is changed" + ("" if given else f": {made}"), as_json=json)
    return 0


@user.command(name="reset-totp")
def reset_codes(
    name: str,
    *,
    reason: Annotated[str, Parameter(help="Why; it is kept for ever, and readable: not the person's name.")],
    data: Data = None,
    json: Json = False,
) -> int:
    """Remove the one-time codes of a user who has lost what makes them; he signs in with his password alone."""
    settings = settings_of(data)
    with migrated(settings) as base:
        asyncio.run(reset_totp(base.url, Keys(settings.keys), name, reason))
    answer({"username": name}, f"{name} has no one-time codes any more", as_json=json)
    return 0


def demo(
    *,
    deviations: Annotated[int, Parameter(help="How many deviations there shall be.")] = 60,
    data: Data = None,
    json: Json = False,
) -> int:
    """Load a believable data set, or what is missing of it: a site's users, deviations in every state of their life."""
    from flowledger.demo import load  # noqa: PLC0415 - the whole API comes with it

    settings = settings_of(data)
    with migrated(settings) as base, progress("demo") as bar:
        loaded = asyncio.run(
            load(settings, base.url, deviations, lambda done, of: bar.update(bar.task_ids[0], completed=done, total=of))
        )
    users = ", ".join(loaded.usernames)
    text = f"loaded {loaded.deviations} deviations of {len(loaded.usernames)} users\n"
    answer(loaded._asdict(), f"{text}the users {users} sign in with the password {loaded.password}", as_json=json)
    return 0
