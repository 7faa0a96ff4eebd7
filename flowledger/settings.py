"""Every setting: declared once, read from the environment once, passed down as one struct."""

import difflib
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, Self, get_type_hints

import msgspec

from flowledger import parsers

PREFIX: Final = "FLOWLEDGER_"

# Variables with our prefix that belong to the test suite, not to the product.
FOREIGN: Final = frozenset({"FLOWLEDGER_REQUIRE_SERVICES"})


class SettingsError(Exception):
    """The environment can't be taken as it is; `faults` maps each faulty variable to the reason."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        lines = (f"{name}: {why}" for name, why in sorted(self.faults.items()))
        super().__init__("faulty settings\n  " + "\n  ".join(lines))


class _Declared(NamedTuple):
    """What a field of `Settings` carries beside its type and default."""

    parse: Callable[[str], Any]
    sentence: str
    secret: bool = False
    variable: str = ""


_DATABASE = parsers.url("postgresql", "postgres", host=False)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of one process. Its repr shows no secret."""

    data: Annotated[Path, _Declared(Path, "The folder of everything that is kept outside a given database.")] = Path(
        "var"
    )
    database_url: Annotated[
        str | None,
        _Declared(
            _DATABASE,
            "Connection string of the application's role; without it the embedded PostgreSQL runs.",
            secret=True,
            variable="DATABASE_URL",
        ),
    ] = None
    database_admin_url: Annotated[
        str | None,
        _Declared(
            _DATABASE,
            "Connection string of the owner's role, for migrations and creating databases.",
            secret=True,
            variable="DATABASE_ADMIN_URL",
        ),
    ] = None
    admin_password: Annotated[
        str | None,
        _Declared(
            str,
            "The administrator's first password; without it one is made up and printed once.",
            secret=True,
        ),
    ] = None
    broker_url: Annotated[
        str | None,
        _Declared(
            parsers.url("postgresql", "postgres", "amqp", "amqps", "redis", "rediss", host=False),
            "Where messages wake the workers: PostgreSQL (the database itself by default), RabbitMQ or Redis.",
            secret=True,
        ),
    ] = None
    files_url: Annotated[
        str | None,
        _Declared(
            parsers.store,
            "Where attached files are kept: an object store (`s3://bucket/prefix`; keys, region and endpoint come from "
            "`AWS_…`) or a folder (`file:///srv/files`); without it, the data folder's own.",
        ),
    ] = None
    public_url: Annotated[
        str | None,
        _Declared(parsers.base_url, "What links begin with; without it, the address that was asked."),
    ] = None
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        _Declared(parsers.networks, "Addresses and networks whose X-Forwarded-* headers are believed."),
    ] = ()
    rate_limit: Annotated[
        bool,
        _Declared(parsers.flag, "Whether the limits on requests an hour apply; the system settings say how many."),
    ] = True
    webhook_allow_private: Annotated[
        bool,
        _Declared(parsers.flag, "Whether webhooks may go to private addresses, and by plain http there."),
    ] = False
    deploy_allow_file_repos: Annotated[
        bool,
        _Declared(parsers.flag, "Not in use yet: whether deployments may clone from this machine's own files."),
    ] = False
    cors_origins: Annotated[
        tuple[str, ...],
        _Declared(parsers.origins, "Origins whose pages may call the API, between commas; * for any."),
    ] = ()
    smtp_url: Annotated[
        str | None,
        _Declared(
            parsers.url("smtp", "smtps"),
            "Not in use yet, no mail goes out: the mail server.",
            secret=True,
        ),
    ] = None
    dev: Annotated[
        bool, _Declared(parsers.flag, "Not in use yet: development, which accepts HTTP Basic authentication too.")
    ] = False
    access_seconds: Annotated[int, _Declared(parsers.whole_seconds, "How long an access token is valid.")] = 900
    refresh_seconds: Annotated[int, _Declared(parsers.whole_seconds, "How long a refresh token is valid.")] = 604_800
    checkpoint_seconds: Annotated[
        float, _Declared(parsers.seconds, "How often a grown ledger's tree head is signed.")
    ] = 5.0
    read_wait_seconds: Annotated[
        float,
        _Declared(parsers.number, "How long an answer waits for the read models to catch up."),
    ] = 2.0
    request_seconds: Annotated[
        float,
        _Declared(
            parsers.seconds,
            "How long a client may pause in its request or in taking the answer; a body may take thrice that.",
        ),
    ] = 20.0
    poll_seconds: Annotated[
        float,
        _Declared(parsers.seconds, "How often a subscriber looks for events it was not told of."),
    ] = 1.0
    webhook_schedule: Annotated[
        tuple[float, ...],
        _Declared(parsers.schedule, "The wait in seconds before each attempt of a webhook's delivery."),
    ] = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
    webhook_timeout_seconds: Annotated[
        float, _Declared(parsers.seconds, "How long a webhook's target may take to answer.")
    ] = 20.0
    webhook_overlap_seconds: Annotated[
        int,
        _Declared(parsers.whole_seconds, "How long a webhook's old secret signs beside the new one after a rotation."),
    ] = 86_400
    webhook_sweep_seconds: Annotated[
        float,
        _Declared(parsers.seconds, "How often due deliveries are looked for without a message."),
    ] = 5.0
    drain_seconds: Annotated[
        float,
        _Declared(parsers.number, "How long a process may finish its work when told to stop."),
    ] = 8.0
    log_level: Annotated[
        str,
        _Declared(parsers.choice("debug", "info", "warning", "error"), "The least level that is logged."),
    ] = "info"
    log_format: Annotated[
        str | None,
        _Declared(
            parsers.choice("json", "console"),
            "The form of log lines; without it, console on a terminal and json elsewhere.",
        ),
    ] = None

    @classmethod
    def read(cls, environ: Mapping[str, str], data: Path | None = None) -> Self:
        """The settings that `environ` asks for; `data`, when given, beats FLOWLEDGER_DATA.

        A variable that is empty counts as not set. Raises SettingsError with every fault at once:
        values that can't be parsed, and unknown variables that begin with FLOWLEDGER_.
        """
        faults = _unknown(environ)
        values: dict[str, Any] = {}
        for field, declared in _DECLARED.items():
            if text := environ.get(declared.variable, "").strip():
                try:
                    values[field] = declared.parse(text)
                except ValueError as fault:
                    faults[declared.variable] = str(fault)
        if faults:
            raise SettingsError(faults)
        if data is not None:
            values["data"] = data
        values["data"] = values.get("data", Path("var")).absolute()
        return cls(**values)

    @property
    def keys(self) -> Path:
        """The folder of the key files."""
        return self.data / "keys"

    @property
    def checkpoints(self) -> Path:
        """The file that keeps signed tree heads outside the database."""
        return self.data / "checkpoints.log"

    @property
    def files(self) -> Path:
        """The folder of attached files, where no other place is named for them."""
        return self.data / "files"

    @property
    def postgres(self) -> Path:
        """The folder of the embedded PostgreSQL."""
        return self.data / "postgres"

    @property
    def run(self) -> Path:
        """The folder of what lives no longer than the processes."""
        return self.data / "run"

    def __repr__(self) -> str:
        shown = (
            f"{name}={'***' if declared.secret and value is not None else repr(value)}"
            for name, declared in _DECLARED.items()
            for value in [getattr(self, name)]
        )
        return f"Settings({', '.join(shown)})"


def _declarations() -> dict[str, _Declared]:
    found = {}
    for field, hint in get_type_hints(Settings, include_extras=True).items():
        (declared,) = hint.__metadata__
        variable = declared.variable or PREFIX + field.upper()
        found[field] = declared._replace(variable=variable)
    return found


_DECLARED: Final = _declarations()


def _unknown(environ: Mapping[str, str]) -> dict[str, str]:
    known = {declared.variable for declared in _DECLARED.values()}
    faults = {}
    for name in environ:
        if name.startswith(PREFIX) and name not in known | FOREIGN:
            nearest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0)[0]
            faults[name] = f"is not a setting; the nearest is {nearest}"
    return faults


def reference_page() -> str:
    """The table of all settings, as Markdown: variable, default, meaning."""
    lines = ["| variable | default | what it says |", "|---|---|---|"]
    for field, default in zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True):
        declared = _DECLARED[field]
        lines.append(f"| `{declared.variable}` | {_written(default)} | {declared.sentence} |")
    return "\n".join(lines) + "\n"


def _written(default: object) -> str:
    """A default as one would write it into the environment."""
    match default:
        case None | ():
            return ""
        case bool():
            return "`on`" if default else "`off`"
        case float() if default.is_integer():
            return f"`{default:.0f}`"
        case tuple():
            return f"`{','.join(str(item) for item in default)}`"
        case _:
            return f"`{default}`"
