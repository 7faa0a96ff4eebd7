"""Answers and messages that were made before a user was erased, as they would be made after."""

from collections.abc import Mapping
from typing import Any

import msgspec

_NAMED = b'"username"'


def unnamed(body: bytes, user: int) -> bytes | None:
    """Return JSON in which a user is shown as erased, wherever it shows him; None where there is nothing to change."""
    if _NAMED not in body or b'"id":%d' % user not in body:
        return None
    try:
        shown = msgspec.json.decode(body)
    except msgspec.DecodeError:  # It is no JSON: then it shows nobody.
        return None
    erased = _within(shown, user)
    return None if erased == shown else msgspec.json.encode(erased)


def _within(value: Any, user: int) -> Any:
    if isinstance(value, list):
        return [_within(item, user) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("id") == user and "username" in value:
        return _user(value, user)
    return {name: _within(inner, user) for name, inner in value.items()}


def _user(shown: Mapping[str, Any], user: int) -> dict[str, Any]:
    erased = f"erased user {user}"
    said = {"username": erased, "display_name": erased, "email": "", "first_name": "", "last_name": ""}
    return {name: _blank(inner) if name == "profile" else said.get(name, inner) for name, inner in shown.items()}


def _blank(profile: Any) -> Any:
    return {name: type(value)() for name, value in profile.items()} if isinstance(profile, dict) else profile
