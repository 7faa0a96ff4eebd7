"""The system settings: look at them, change them."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from msgspec import UNSET

from api.actions import Given, Loaded, attempt, change, load
from api.call import Call, NoQuery
from api.dialects.masetra.config_shapes import SettingsIn
from api.input import check_given, together
from api.reply import Reply, record_reply
from domain.errors import Fault, InvalidInput
from domain.events import Event
from domain.platform import settings as rules
from domain.platform.settings import NUMBER, SETTINGS, Configuration, SystemSettings
from projections.standing import Standing

#: What is recorded as the reason where a client gives none.
UNEXPLAINED = "changed through the API"
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*", re.ASCII)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


async def get_settings(call: Call) -> Reply:
    """Answer the settings as they stand."""
    call.require("config.read")
    call.query(NoQuery)
    return _reply((await load(call, SETTINGS, NUMBER)).record)


async def change_settings(call: Call) -> Reply:
    """Change settings; what is under way goes on as it began, what begins later follows them."""
    call.require("config.manage")

    async def decide(loaded: Loaded) -> list[Event]:
        it: Configuration = loaded.record
        call.check_version(it.version)
        given, _ = together(lambda: call.given(SettingsIn), lambda: _check(call.body.raw, call.doors.standing))
        changes = {
            name: value
            for name in it.settings.__struct_fields__
            if (value := getattr(given, name)) is not UNSET and value != getattr(it.settings, name)
        }
        if not changes:
            return []
        who = await attempt(call, loaded, Given(reason=reason_of(given.reason, it.settings)))
        return [rules.change(it, who, changes)]

    reply = await change(call, SETTINGS, NUMBER, decide, _reply)
    await call.doors.relearn()
    return reply


def reason_of(given: str | None, settings: SystemSettings) -> str:
    """Return why settings or a role are changed. Raises InvalidInput where that must be said, and is not."""
    if settings.config_require_reason:
        check_given(["reason"], {"reason": given})
    return given or UNEXPLAINED


def _reply(it: Configuration) -> Reply:
    return record_reply(it.version, it.settings)


def _check(raw: Mapping[str, Any], standing: Standing) -> None:
    """Raise InvalidInput for what names something that there is not: zones, roles, media types."""
    faults = []
    zone, roles, types = raw.get("time_zone"), raw.get("rate_limit_roles"), raw.get("attachment_types")
    if isinstance(zone, str) and zone not in _zones():
        faults.append(Fault("time_zone", "There is no such time zone; Europe/Berlin is one."))
    if isinstance(roles, dict):
        faults += [
            Fault(f"rate_limit_roles.{it[:100]}", "There is no such role.") for it in roles if not standing.role(it)
        ]
    if isinstance(types, list):
        strange = [it for it in types if isinstance(it, str) and not _MEDIA_TYPE.fullmatch(it)]
        faults += [Fault("attachment_types", f"{it[:100]!r} is no media type; text/plain is one.") for it in strange]
    if faults:
        raise InvalidInput(faults[:100])
