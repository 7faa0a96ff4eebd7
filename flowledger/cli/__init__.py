"""The command line. Exit 0: well; 1: found wanting; 2: could not be asked. Results on stdout, the rest on stderr."""

import sys
from collections.abc import Sequence

import msgspec
import psycopg
from cyclopts import App, CycloptsError

from domain.errors import FlowledgerError, InvalidInput
from flowledger.cli.common import Unaskable
from flowledger.postgres import DataInUseError, PostgresError
from flowledger.settings import SettingsError
from flowledger.supervise import ListenError
from ledger.keys import KeyMissing
from ledger.migrate import SchemaError
from projections.folding import FoldFailed
from projections.rebuild import RebuildRefused

app = App(name="flowledger", help="Workflows on a ledger that proves itself.", result_action="return_value")
# Named, not imported: a process loads what its command takes, and nothing else.
for _name, _where in {
    "up": "run:up",
    "serve": "run:serve",
    "work": "run:work",
    "migrate": "run:migrate",
    "demo": "data:demo",
    "db": "data:db",
    "user": "data:user",
    "audit": "audit:app",
    "projections": "projections:app",
    "privacy": "privacy:app",
}.items():
    app.command(f"flowledger.cli.{_where}", name=_name)

_UNASKABLE = (
    Unaskable,
    SettingsError,
    SchemaError,
    PostgresError,
    DataInUseError,
    ListenError,
    FlowledgerError,
    psycopg.Error,
    OSError,
    LookupError,
    ValueError,
    RebuildRefused,
    KeyMissing,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    try:
        return app(arguments, exit_on_error=False) or 0
    except CycloptsError:
        return 2  # Cyclopts has said what is wrong.
    except (FoldFailed, msgspec.MsgspecError, *_UNASKABLE) as error:
        print(f"flowledger: {_told(error)}", file=sys.stderr)
        return 1 if isinstance(error, FoldFailed) else 2
    except KeyboardInterrupt:
        return 130


def _told(error: Exception) -> str:
    if isinstance(error, FoldFailed):
        return f"the record can not be folded, {error}"
    if isinstance(error, msgspec.MsgspecError):
        return f"what is stored can not be read: {error}"
    if isinstance(error, InvalidInput):
        return str(error) + "".join(f"\n  {fault.field}: {fault.message}" for fault in error.faults)
    return str(error)
