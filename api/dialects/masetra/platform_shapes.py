"""What Masetra's clients send and get of sign-ins and users."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from api.fields import LINE
from api.records.shapes import Code
from projections.shown import UserRef

Password = Annotated[str, Meta(min_length=1, max_length=1024)]
Email = Annotated[str, Meta(max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?$"), LINE]
PersonName = Annotated[str, Meta(max_length=150), LINE]


class TokenIn(Struct, frozen=True):
    """Who wants to sign in.

    otp: a one-time code, a must where the user has set them up. new_password: takes the place of one that has expired.
    """

    username: Annotated[str, Meta(min_length=1, max_length=150)]
    password: Password
    otp: Code | None = None
    new_password: Password | None = None


class RefreshIn(Struct, frozen=True):
    """A refresh token."""

    refresh: Annotated[str, Meta(min_length=1, max_length=4096)]
    rotate: bool = False


class LogoutIn(Struct, frozen=True):
    """The refresh token that is to be dead."""

    refresh: Annotated[str, Meta(min_length=1, max_length=4096)]


class TokenOut(Struct, frozen=True):
    """Both tokens, and whose they are."""

    access: str
    refresh: str
    user: UserRef


class AccessOut(Struct, frozen=True, omit_defaults=True):
    """A new access token, and the refresh token that takes the old one's place where that was rotated."""

    access: str
    refresh: str | None = None


class DoneOut(Struct, frozen=True):
    """Something was done of which there is nothing to show."""

    status: Literal["success"]
    data: dict[str, Any]
    message: str


class UserIn(Struct, frozen=True, kw_only=True):
    """A new user."""

    username: Annotated[str, Meta(min_length=1, max_length=150, pattern=r"^\S(.*\S)?$"), LINE]
    password: Password
    email: Email = ""
    first_name: PersonName = ""
    last_name: PersonName = ""
    department: Annotated[str, Meta(max_length=200), LINE] = ""
    roles: Annotated[list[str], Meta(max_length=50)] = []
    is_active: bool = True


class ProfileOut(Struct, frozen=True):
    """What else is known of a user."""

    job_title: str
    phone: str
    skills: list[str]


class UserOut(Struct, frozen=True):
    """A user; the password is in no answer."""

    id: int
    username: str
    email: str
    first_name: str
    last_name: str
    display_name: str
    department: str
    roles: tuple[str, ...]
    is_active: bool
    date_joined: datetime
    profile: ProfileOut


class OwnOut(UserOut, frozen=True):
    """A user as he is shown to himself. `second_factor`: one-time codes are set up."""

    second_factor: bool


class UserPage(Struct, frozen=True):
    """A page of users."""

    count: int
    next: str | None
    previous: str | None
    results: list[UserOut]
