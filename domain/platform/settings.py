"""System settings: what an administrator configures while the product runs. One record, which is there by nature."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert, to_builtins
from msgspec.structs import fields, replace

from domain.errors import Fault, InvalidInput
from domain.events import Attempt, Event, Recorded, fact, stream_id
from domain.given import own_fields
from domain.quality.config import DEFAULT, REVIEWS, QualityConfig
from domain.workflow import Data, Step, Who, Workflow

KIND, NUMBER, LISTED = "settings", 1, "listed"

Days = Annotated[int, Meta(ge=0, le=36_500)]
Chain = Annotated[tuple[str, ...], Meta(min_length=1, max_length=len(REVIEWS))]
PerHour = Annotated[int, Meta(ge=0, le=1_000_000)]
Limits = Annotated[Mapping[str, PerHour], Meta(max_length=1_000)]
Minutes = Annotated[int, Meta(ge=1, le=10_080)]
Length = Annotated[int, Meta(ge=8, le=128)]
Remembered = Annotated[int, Meta(ge=1, le=24)]
Attempts = Annotated[int, Meta(ge=1, le=1_000)]
Years = Annotated[int, Meta(ge=1, le=100)]
LogDays = Annotated[int, Meta(ge=1, le=3_650)]
FileBytes = Annotated[int, Meta(ge=1, le=2**30)]
MediaTypes = Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=100)]
FileCount = Annotated[int, Meta(ge=0, le=1_000)]
Zone = Annotated[str, Meta(min_length=1, max_length=64)]

_MEDIA_TYPES = (
    "application/pdf",
    "application/json",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/zip",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "text/csv",
    "text/plain",
)


class SystemSettings(Struct, frozen=True, kw_only=True):
    """The settings as they stand. Rates are requests an hour, 0 for no limit; users are named by their ids."""

    due_days_critical: Days = DEFAULT.due_days["CRITICAL"]
    due_days_major: Days = DEFAULT.due_days["MAJOR"]
    due_days_minor: Days = DEFAULT.due_days["MINOR"]
    approval_chain_critical: Chain = DEFAULT.chains["CRITICAL"]
    approval_chain_major: Chain = DEFAULT.chains["MAJOR"]
    approval_chain_minor: Chain = DEFAULT.chains["MINOR"]
    password_min_length: Length = 8
    password_require_uppercase: bool = False
    password_require_lowercase: bool = False
    password_require_digit: bool = False
    password_require_symbol: bool = False
    #: Days until a password has to be changed; 0: never.
    password_max_age_days: Days = 0
    #: How many of a user's last passwords a new one may not be; the present one is the first of them.
    password_history: Remembered = 1
    signature_require_username: bool = False
    #: Whether settings and roles are changed with a reason alone.
    config_require_reason: bool = False
    lockout_attempts: Attempts = 5
    lockout_minutes: Minutes = 15
    retention_years: Years = 10
    delivery_log_days: LogDays = 30
    attachment_max_bytes: FileBytes = 25 * 2**20
    attachment_types: MediaTypes = _MEDIA_TYPES
    attachments_per_record: FileCount = 100
    rate_limit_anonymous: PerHour = 100
    rate_limit_authenticated: PerHour = 1_000
    rate_limit_roles: Limits = {}
    rate_limit_users: Limits = {}
    time_zone: Zone = "UTC"

    @property
    def quality(self) -> QualityConfig:
        """What of it the rules of deviations ask."""
        return QualityConfig(
            due_days={
                "CRITICAL": self.due_days_critical,
                "MAJOR": self.due_days_major,
                "MINOR": self.due_days_minor,
            },
            chains={
                "CRITICAL": self.approval_chain_critical,
                "MAJOR": self.approval_chain_major,
                "MINOR": self.approval_chain_minor,
            },
        )


class Configuration(Struct, frozen=True, kw_only=True):
    """The settings as a record; at version 0 nothing was ever changed."""

    id: int = NUMBER
    stream: UUID = stream_id(KIND, NUMBER)
    version: int = 0
    status: str = LISTED
    settings: SystemSettings = SystemSettings()


@fact("settings.changed")
class SettingsChanged(Event, frozen=True, kw_only=True):
    """Settings were changed; those not named are as they were."""

    due_days_critical: int | UnsetType = UNSET
    due_days_major: int | UnsetType = UNSET
    due_days_minor: int | UnsetType = UNSET
    approval_chain_critical: tuple[str, ...] | UnsetType = UNSET
    approval_chain_major: tuple[str, ...] | UnsetType = UNSET
    approval_chain_minor: tuple[str, ...] | UnsetType = UNSET
    password_min_length: int | UnsetType = UNSET
    password_require_uppercase: bool | UnsetType = UNSET
    password_require_lowercase: bool | UnsetType = UNSET
    password_require_digit: bool | UnsetType = UNSET
    password_require_symbol: bool | UnsetType = UNSET
    password_max_age_days: int | UnsetType = UNSET
    password_history: int | UnsetType = UNSET
    signature_require_username: bool | UnsetType = UNSET
    config_require_reason: bool | UnsetType = UNSET
    lockout_attempts: int | UnsetType = UNSET
    lockout_minutes: int | UnsetType = UNSET
    retention_years: int | UnsetType = UNSET
    delivery_log_days: int | UnsetType = UNSET
    attachment_max_bytes: int | UnsetType = UNSET
    attachment_types: tuple[str, ...] | UnsetType = UNSET
    attachments_per_record: int | UnsetType = UNSET
    rate_limit_anonymous: int | UnsetType = UNSET
    rate_limit_authenticated: int | UnsetType = UNSET
    rate_limit_roles: Mapping[str, int] | UnsetType = UNSET
    rate_limit_users: Mapping[str, int] | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET


_KNOWN = frozenset(SystemSettings.__struct_fields__)


def native(stream: UUID) -> Configuration | None:
    """Return the one record of settings, as it is before its first event."""
    it = Configuration()
    return it if stream == it.stream else None


def evolve(configuration: Configuration | None, recorded: Recorded) -> Configuration:
    """Fold one event into the settings. Total: what a later release dropped is passed over."""
    before = configuration or Configuration()
    event = recorded.event
    changed: dict[str, Any] = {}
    if isinstance(event, SettingsChanged):
        given = {name: getattr(event, name) for name in own_fields(SettingsChanged)}
        changed = {name: value for name, value in given.items() if value is not UNSET and name in _KNOWN}
    return replace(before, version=recorded.version, settings=replace(before.settings, **changed))


_MANAGES: Who[Configuration] = Who("config.manage", "who manages the configuration")
_CHANGE: Step[Configuration] = Step(
    "change", (LISTED,), None, SettingsChanged, (_MANAGES,), requires=("reason",), edit=True
)

SETTINGS: Workflow[Configuration] = Workflow(
    kind=KIND,
    states=(LISTED,),
    creation=None,
    steps=(_CHANGE,),
    evolve=evolve,
    native=native,
)


def change(configuration: Configuration, attempt: Attempt, changes: Data) -> Event:
    """Return the fact of changed settings. Raises InvalidInput with every value that the product could not follow."""
    SETTINGS.authorize(_CHANGE, configuration, attempt.actor)
    faults = [*out_of_bounds(changes), *faults_in({**to_builtins(configuration.settings), **changes})]
    if faults:
        raise InvalidInput(faults)
    return SETTINGS.decide(_CHANGE, configuration, attempt, changes)


def out_of_bounds(changes: Data) -> list[Fault]:
    """Return a fault for each value that is not of its setting's type and bounds."""
    faults = []
    kinds = {field.name: field.type for field in fields(SystemSettings)}
    for name in changes.keys() & kinds.keys():
        try:
            convert(changes[name], kinds[name])
        except ValidationError as wrong:
            faults.append(Fault(name, f"{wrong}."))
    return faults


def faults_in(settings: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with settings as a whole, beyond the types and bounds of each."""
    chains = {name: value for name, value in settings.items() if name.startswith("approval_chain_")}
    order = ", ".join(REVIEWS)
    says = f"Reviews come in the order {order}: a chain ends after any of them, and leaves none out between."
    faults = [Fault(name, says) for name, chain in chains.items() if tuple(chain) != REVIEWS[: len(chain)]]
    faults += [
        Fault(f"rate_limit_users.{user}", "A user is named by his id.")
        for user in settings["rate_limit_users"]
        if not (user.isascii() and user.isdigit() and len(user) < 19 and user[0] != "0")
    ]
    return faults
