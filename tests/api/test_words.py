"""Faults are told in words."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from api.words import in_words


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (int | None, "x", "Must be a whole number or null."),
        (Annotated[int, Meta(ge=1)], 0, "At least 1."),
        (Annotated[int, Meta(le=200)], 201, "At most 200."),
        (Annotated[str, Meta(max_length=3)], "long", "At most 3 characters."),
        (Annotated[str, Meta(min_length=8)], "short", "At least 8 characters."),
        (Annotated[str, Meta(pattern="^a$")], "b", "This is not in the form that is expected."),
        (Annotated[list[str], Meta(min_length=1)], [], "At least 1 items."),
        (list[str], "x", "Must be a list."),
        (bool, "yes", "Must be true or false."),
        (Literal["a"], "b", "Invalid enum value 'b'."),
    ],
)
def test_a_fault_is_a_sentence_that_names_no_type(kind: Any, value: object, sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(value, kind)
    assert in_words(str(refused.value)) == sentence
