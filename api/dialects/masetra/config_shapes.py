"""What Masetra's clients send and get of the configuration."""

from typing import Annotated, Union

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.fields import LINE
from api.records.shapes import Sentence
from domain.platform.settings import SystemSettings

#: Settings to change, and why; those that are not given stay. Made from the settings themselves: declared once.
SettingsIn: type[Struct] = msgspec.defstruct(
    "SettingsIn",
    [
        *((it.name, Union[it.type, UnsetType], UNSET) for it in msgspec.structs.fields(SystemSettings)),  # noqa: UP007
        ("reason", Sentence | None, None),
    ],
    frozen=True,
    kw_only=True,
    module=__name__,
)

Permission = Annotated[str, Meta(min_length=1, max_length=100)]
Permissions = Annotated[list[Permission], Meta(max_length=200)]


class RoleIn(Struct, frozen=True, kw_only=True):
    """A new role."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\s,](.*[^\s,])?$"), LINE]
    permissions: Permissions
    reason: Sentence | None = None


class RoleChange(Struct, frozen=True, kw_only=True):
    """What a role is to grant. Its name is for ever: users hold it by name."""

    permissions: Permissions | UnsetType = UNSET
    reason: Sentence | None = None


class RoleOut(Struct, frozen=True):
    """A role."""

    id: int
    name: str
    permissions: tuple[str, ...]


class RolePage(Struct, frozen=True):
    """A page of roles."""

    count: int
    next: str | None
    previous: str | None
    results: list[RoleOut]


class PermissionOut(Struct, frozen=True):
    """A permission, and what it lets its holder do."""

    name: str
    description: str


class PermissionPage(Struct, frozen=True):
    """A page of the catalogue of permissions."""

    count: int
    next: str | None
    previous: str | None
    results: list[PermissionOut]
