"""Names of files that are safe to keep, to show and to save under, whatever was given."""

import re
import unicodedata

#: What a name is where nothing of the given one is left.
NAMELESS = "file"
#: In bytes of UTF-8: file systems take 255.
_LONGEST = 200
_LONGEST_SUFFIX = 16
_PATHS = re.compile(r"[/\\]")
#: What file systems read as something else.
_SPECIAL = re.compile(r'[<>:"|?*]')
#: Control characters; formatting ones, which turn text around or are not seen; halves of surrogate pairs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
#: Names of devices, whatever comes behind a dot.
_DEVICES = re.compile(r"CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3]", re.IGNORECASE)


def safe_name(given: str) -> str:
    """Return a file's name without its path and without anything that could harm: the same for what is safe already.

    In NFC, of at most 200 bytes in UTF-8, never empty, never hidden, of no device; a suffix stays.
    """
    name = "".join(_seen(char) for char in _PATHS.split(given)[-1])
    name = re.sub(" +", " ", _SPECIAL.sub("_", name))
    name = _trimmed(unicodedata.normalize("NFC", name))
    if _DEVICES.fullmatch(name.partition(".")[0].rstrip()):
        name = f"_{name}"
    return _short(name) or NAMELESS


def suffix_of(name: str) -> str:
    """Return what stands behind the last dot in small letters: `pdf`; "" where there is none."""
    stem, _, suffix = name.rpartition(".")
    return suffix.lower() if stem else ""


def _seen(char: str) -> str:
    if char.isspace():
        return " "
    return "" if unicodedata.category(char) in _UNSEEN else char


def _trimmed(name: str) -> str:
    """Without dots and spaces at the ends: Windows drops them behind, others hide what has a dot in front."""
    return name.strip(" .")


def _short(name: str) -> str:
    content = name.encode()
    if len(content) <= _LONGEST:
        return name
    stem, _, suffix = name.rpartition(".")
    kept = f".{suffix}" if stem and len(suffix.encode()) <= _LONGEST_SUFFIX else ""
    return _trimmed(content[: _LONGEST - len(kept.encode())].decode(errors="ignore")) + kept
