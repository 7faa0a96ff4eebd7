"""Erasing a user: what is committed with the fact."""

from api.auth import unlock
from api.second_factor import forget as forget_second_factor
from api.sessions import end_all
from domain.platform.users import User
from ledger.append import Statement
from ledger.queries import queries
from projections.erasures import begun

_SQL = queries("api", "erasing")


def erased(user: User) -> list[Statement]:
    """Return what is committed with the fact that a user is erased: nobody signs in as him from this moment on."""
    # The order matters, as with a new password: a sign-in that is under way is waited for, and ended after.
    return [
        Statement(_SQL.forget_password, (user.id,)),
        unlock(user.id),
        forget_second_factor(user.id),
        end_all(user.id),
        Statement(_SQL.forget_sessions, (user.id,)),
        begun(user),
    ]
