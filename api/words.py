"""What is wrong with a value, as a person says it."""

import re

_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "datetime": "a time",
}
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"Expected `str[^`]*` of length <= (\d+)", "At most {} characters."),
        (r"Expected `str[^`]*` of length >= (\d+)", "At least {} characters."),
        (r"Expected `array[^`]*` of length <= (\d+)", "At most {} items."),
        (r"Expected `array[^`]*` of length >= (\d+)", "At least {} items."),
        (r"Expected `(?:int|float)[^`]*` <= (-?\d+)", "At most {}."),
        (r"Expected `(?:int|float)[^`]*` >= (-?\d+)", "At least {}."),
        (r"Expected `str[^`]*` matching regex", "This is not in the form that is expected."),
        (r"Invalid RFC3339 encoded date", "Not a date: 2024-01-15."),
    )
)
_WRONG_KIND = re.compile(r"Expected `([^`]+)`, got `(\w+)`")


def in_words(message: str) -> str:
    """Return a message of the validating library as a sentence that names no type of ours."""
    for pattern, sentence in _FORMS:
        if found := pattern.search(message):
            return sentence.format(*found.groups())
    if found := _WRONG_KIND.search(message):
        wanted = " or ".join(_KINDS.get(kind.strip(), kind.strip()) for kind in found[1].split("|"))
        return f"Must be {wanted}."
    return message.replace("`", "") + "."
