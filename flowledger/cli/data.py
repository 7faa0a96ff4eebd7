"""The database's address, demonstration data, and forgotten passwords."""

import asyncio
import sys
from typing import Annotated

from cyclopts import App, Parameter

from flowledger.administrator import reset_password
from flowledger.cli.common import Data, database, progress, settings_of
from flowledger.postgres import Embedded
from flowledger.schema import check_schema
from ledger.keys import Keys

db = App(name="db", help="The database.")
user = App(name="user", help="Users.")


@db.command
def url(
    *,
    admin: Annotated[bool, Parameter(help="The owner's, not the application's.", negative="")] = False,
    data: Data = None,
) -> int:
    """Print the connection string of the application's role, or of the owner's."""
    settings = settings_of(data)
    if settings.database_url is None:
        urls = Embedded(settings.data).urls()
        print(urls.admin if admin else urls.application)
        return 0
    with database(settings) as base:
        print(base.owner() if admin else base.url)
    return 0


@user.command(name="reset-password")
def reset(
    name: str,
    *,
    password_stdin: Annotated[bool, Parameter(help="Read the new password from stdin.", negative="")] = False,
    data: Data = None,
) -> int:
    """Give a user a new password, made up and printed unless it comes from stdin."""
    settings = settings_of(data)
    given = sys.stdin.readline().rstrip("\n") if password_stdin else None
    with database(settings) as base:
        check_schema(base.url)
        made = asyncio.run(reset_password(base.url, Keys(settings.keys), name, given))
    print(f"The password of {name} is changed" + ("" if given else f": {made}"))
    return 0


def demo(
    *,
    deviations: Annotated[int, Parameter(help="How many deviations to load.")] = 60,
    data: Data = None,
) -> int:
    """Load a believable data set: a site's users, and deviations in every state of their life."""
    from flowledger.demo import load  # noqa: PLC0415 - the whole API comes with it

    settings = settings_of(data)
    with database(settings) as base, progress("demo") as bar:
        check_schema(base.url)
        loaded = asyncio.run(
            load(settings, base.url, deviations, lambda done, of: bar.update(bar.task_ids[0], completed=done, total=of))
        )
    print(f"loaded {len(loaded.usernames)} users and {loaded.deviations} deviations")
    print(f"the users {', '.join(loaded.usernames)} sign in with the password {loaded.password}")
    return 0
