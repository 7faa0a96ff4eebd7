"""Text as clients write it."""

import re
import unicodedata

#: Control characters but tab and newline, and halves of surrogate pairs.
_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
#: What else does not belong on one line.
_BREAKS = re.compile("[\t\n\u2028\u2029]")


def clean(text: str, *, verbatim: bool = False, line: bool = False) -> str:
    """Return text in NFC, or as it is where it is `verbatim`.

    Raises ValueError for characters that are not allowed; of a `line`, those are tabs and line breaks too.
    """
    if _REFUSED.search(text):
        raise ValueError("Control characters are not allowed.")
    if line and _BREAKS.search(text):
        raise ValueError("Must be on one line, without control characters.")
    return text if verbatim else unicodedata.normalize("NFC", text)


def readable(text: str) -> bool:
    """Tell whether text says something, in characters that are allowed."""
    return bool(text.strip()) and not _REFUSED.search(text)
