"""The one list of read models: what is migrated, kept up by workers, rebuilt, and compared with the ledger."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from ledger.codec import Codec
from ledger.queries import queries
from ledger.read import head_size
from projections.capas import CapasProjection
from projections.deviations import DeviationsProjection
from projections.read_model import ReadModel, forms
from projections.reports import ReportsReadModel
from projections.trail import TrailReadModel
from projections.users import UsersProjection
from projections.versions import VersionsReadModel
from projections.webhooks import WebhooksProjection

_SQL = queries("projections", "registry")
_MODELS: tuple[Any, ...] = (
    DeviationsProjection,
    CapasProjection,
    UsersProjection,
    WebhooksProjection,
    ReportsReadModel,
    VersionsReadModel,
    TrailReadModel,
)
#: The names of all read models, which are also the names of their tables.
NAMES: tuple[str, ...] = tuple(model.name for model in _MODELS)


def read_models(codec: Codec) -> list[ReadModel[Any]]:
    """Return every read model."""
    return [model(codec) for model in _MODELS]


def chosen(codec: Codec, names: Sequence[str] | None) -> list[ReadModel[Any]]:
    """Return the read models named, all where none is. Raises LookupError naming those there are."""
    for name in names or ():
        if name not in NAMES:
            raise LookupError(f"There is no read model {name!r}. There are: {', '.join(NAMES)}.")
    return [model for model in read_models(codec) if names is None or model.name in names]


async def ensure_tables(connection: AsyncConnection[Any]) -> list[str]:
    """Make the tables that a ledger without events lacks, as the application's role, which then owns them.

    Return the names of the read models that are still to be rebuilt: of another form than this version's, or not there
    though there are events. Takes no lock that a reader waits for; any number of processes may do it at once. Raises
    psycopg.errors.InsufficientPrivilege for a role that may not create in the schema.
    """
    async with connection.transaction():
        await connection.execute(_SQL.one_at_a_time)
        there = await forms(connection)
        if await head_size(connection) == 0:
            for model in _MODELS:
                if model.name not in there:
                    await model.create(connection)
                    await model.index(connection)
    return await unfit_tables(connection)


async def unfit_tables(connection: AsyncConnection[Any]) -> list[str]:
    """Return the names of the read models whose table is not there, or of another form than this version's."""
    there = await forms(connection)
    return [model.name for model in _MODELS if there.get(model.name) != model.form()]
