"""The users' read model: the one small table that holds names, sealed."""

from typing import Any, ClassVar

from domain.platform.users import ACTIVE, USERS, User
from ledger.arrays import LongColumn, UuidColumn
from ledger.codec import Codec
from ledger.queries import queries
from projections.projection import Projection


class UsersProjection(Projection[User]):
    """One row a user."""

    name = "users"
    sql = queries("projections", "users")
    columns: ClassVar = {
        "id": LongColumn,
        "stream": UuidColumn,
        "version": LongColumn,
        "position": LongColumn,
        "active": LongColumn,
    }

    def __init__(self, codec: Codec) -> None:
        """Fold users."""
        super().__init__(codec, USERS, User)

    def row(self, record: User, position: int) -> dict[str, Any]:
        """Return a user's row."""
        return {
            "id": record.id,
            "stream": record.stream,
            "version": record.version,
            "position": position,
            "active": int(record.status == ACTIVE),
        }
