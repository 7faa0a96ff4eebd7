"""What Masetra's clients send and get of accounts: changes of users, profiles, passwords and sessions."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from api.dialects.masetra.forms import Page
from api.dialects.masetra.platform_shapes import Email, Password, PersonName, UserOut
from api.dialects.masetra.shapes import Short
from api.fields import LINE
from api.records.shapes import Code, Sentence, Words
from projections.kept import Kept

Skill = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$"), LINE]


class UserQuery(Page, frozen=True, kw_only=True):
    """What a list of users is narrowed to; deactivated ones only where they are asked for."""

    is_active: Literal["true", "false"] = "true"
    department: Short | None = None
    role: Short | None = None
    username: Annotated[str, Meta(max_length=150)] | None = None


class ProfileChange(Struct, frozen=True, kw_only=True):
    """What else is known of a user; what is not given stays."""

    job_title: Short | UnsetType = UNSET
    phone: Annotated[str, Meta(max_length=50), LINE] | UnsetType = UNSET
    skills: Annotated[list[Skill], Meta(max_length=50)] | UnsetType = UNSET


class OwnChange(Words, frozen=True, kw_only=True):
    """What everybody changes of himself; what is not given stays."""

    email: Email | UnsetType = UNSET
    first_name: PersonName | UnsetType = UNSET
    last_name: PersonName | UnsetType = UNSET
    profile: ProfileChange | UnsetType = UNSET


class UserChange(OwnChange, frozen=True, kw_only=True):
    """What is changed of a user; what is not given stays. A new password ends all of the user's sessions."""

    password: Password | UnsetType = UNSET
    department: Short | UnsetType = UNSET
    roles: Annotated[list[str], Meta(max_length=50)] | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class ErasureIn(Struct, frozen=True):
    """Why a user is erased: kept for ever, and readable."""

    reason: Sentence


class ErasedOut(Struct, frozen=True, kw_only=True):
    """An erased user, and what keeps the printed name; null where that could not be found out at the moment."""

    user: UserOut
    kept: Kept | None = None


class PasswordIn(Struct, frozen=True):
    """One's own new password, and the one that it replaces. otp: a one-time code, a must where they are set up."""

    current_password: Password
    new_password: Password
    otp: Code | None = None


class TotpIn(Struct, frozen=True):
    """One's own password, to set up one-time codes."""

    password: Password


class TotpOut(Struct, frozen=True):
    """What codes are made from, told once: in letters, and as the address that apps read from a picture."""

    secret: str
    uri: str


class CodeIn(Struct, frozen=True):
    """A one-time code."""

    otp: Code


class TotpProof(Struct, frozen=True):
    """One's own password and a one-time code, to remove the codes."""

    password: Password
    otp: Code


class SessionOut(Struct, frozen=True):
    """A session that goes on: `last_used_at`, address and user agent are of the last sign-in or refresh."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str
    current: bool


class SessionPage(Struct, frozen=True):
    """A page of sessions."""

    count: int
    next: str | None
    previous: str | None
    results: list[SessionOut]
