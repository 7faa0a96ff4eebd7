"""Several refusals at once: which of them is told, and which are denials."""

import pytest

from api.errors import STATUS, ItemRefused, Several, denials, status_of
from domain.errors import (
    Conflict,
    Denied,
    Fault,
    FlowledgerError,
    Hidden,
    InvalidInput,
    NotFound,
    NotSignedIn,
    PasswordExpired,
    PreconditionFailed,
    Unavailable,
)

#: As they are told: the first of those that there are.
IN_ORDER = (
    NotSignedIn("Who?"),
    NotFound("Nothing."),
    Denied("No."),
    InvalidInput([Fault("reason", "Why?")]),
    Conflict("Not now."),
    PreconditionFailed("Another version."),
    Unavailable("Away."),
)


def several(*errors: FlowledgerError) -> Several:
    return Several([ItemRefused(place, 7, error) for place, error in enumerate(errors)])


def test_what_is_told_of_several_refusals_is_the_first_in_their_order() -> None:
    for place in range(len(IN_ORDER)):
        assert several(*reversed(IN_ORDER[place:])).code == IN_ORDER[place].code


@pytest.mark.parametrize("code", STATUS)
def test_any_refusal_may_be_one_of_several(code: str) -> None:
    error = FlowledgerError("x")
    error.code = code
    assert status_of(several(error)) == STATUS[code]


def test_each_rule_that_denies_one_of_several_things_is_told_once() -> None:
    expired, hidden = PasswordExpired("Old."), Hidden("There is no user 1.", "user.read")
    refused = several(Denied("No."), Conflict("Not now."), Denied("No."), expired, hidden)
    assert [str(one) for one in denials(refused)] == ["No.", "Old.", "There is no user 1."]


def test_what_denies_nothing_is_no_denial() -> None:
    assert denials(several(Conflict("Not now."), NotFound("Nothing."))) == []
    assert denials(Conflict("Not now.")) == denials(ValueError()) == []
    assert [str(one) for one in denials(Denied("No."))] == ["No."]
