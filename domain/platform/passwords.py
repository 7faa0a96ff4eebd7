"""What a password must be. The rules are system settings; nothing here knows how passwords are kept."""

import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.errors import Fault
from domain.platform.settings import SystemSettings
from domain.platform.users import fold_name

#: In characters, after normalisation: more are not taken at sign-in either.
LONGEST = 1024


class Kind(NamedTuple):
    """A kind of character that a password may have to hold: the setting that asks for it, and examples easy to read."""

    setting: str
    says: str
    holds: Callable[[str], bool]
    examples: str


def _is_symbol(character: str) -> bool:
    return not character.isalnum() and not character.isspace()


KINDS = (
    Kind("password_require_uppercase", "an upper-case letter", str.isupper, "ABCDEFGHJKLMNPQRSTUVWXYZ"),
    Kind("password_require_lowercase", "a lower-case letter", str.islower, "abcdefghijkmnopqrstuvwxyz"),
    Kind("password_require_digit", "a digit", str.isdecimal, "23456789"),
    Kind("password_require_symbol", "a symbol", _is_symbol, "-_.+="),
)


def password_faults(password: str, username: str, rules: SystemSettings, path: str = "password") -> list[Fault]:
    """Return everything that is wrong with a new password."""
    text = unicodedata.normalize("NFC", password)
    says = []
    if len(text) < rules.password_min_length:
        says.append(f"At least {rules.password_min_length} characters.")
    if len(text) > LONGEST:
        says.append(f"At most {LONGEST} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        says.append("Control characters are not allowed.")
    says += [
        f"It must hold {kind.says}."
        for kind in KINDS
        if getattr(rules, kind.setting) and not any(map(kind.holds, text))
    ]
    if fold_name(text) == fold_name(username):
        says.append("The password may not be the user name.")
    return [Fault(path, sentence) for sentence in says]


def too_old(set_at: datetime, at: datetime, rules: SystemSettings) -> bool:
    """Tell whether a password that was set then has expired by a time: it is good for setting another one alone."""
    longest = timedelta(days=rules.password_max_age_days)
    return bool(longest) and at - set_at > longest
