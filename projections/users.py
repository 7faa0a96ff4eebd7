"""The users' read model: the one small table that holds names, sealed."""

from typing import Any, ClassVar

from domain.platform.users import ACTIVE, USERS, User
from ledger.arrays import LongColumn
from ledger.queries import queries
from projections.projection import Projection


class UsersProjection(Projection[User]):
    """One row a user."""

    name = "users"
    sql = queries("projections", "users")
    workflow = USERS
    folded = User
    columns: ClassVar = {"active": LongColumn}

    def found_by(self, record: User) -> dict[str, Any]:
        """Return whether a user is active."""
        return {"active": int(record.status == ACTIVE)}
