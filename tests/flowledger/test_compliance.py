"""The page of Part 11 says what the tests show, and no clause stands there without one."""

from collections import Counter

import pytest

from tests.support.clauses import CLAUSES
from tests.support.compliance import PAGE, ROOT, page, shown

NUMBERS = [clause.number for clauses in CLAUSES.values() for clause in clauses]


def test_the_committed_page_is_as_the_tests_make_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(shown()), "run make docs"


def test_every_clause_that_a_test_names_is_one() -> None:
    assert {it.clause for it in shown()} <= set(NUMBERS)
    assert len(set(NUMBERS)) == len(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_clause_is_shown_to_be_kept_and_to_refuse(number: str) -> None:
    """At least one test of what works, and one of what is refused or found."""
    assert {it.negative for it in shown() if it.clause == number} == {True, False}


def test_no_test_names_a_clause_twice() -> None:
    assert max(Counter((it.path, it.test, it.clause) for it in shown()).values()) == 1


def test_the_tests_are_linked_where_they_stand() -> None:
    for it in shown():
        assert f"def {it.test}(" in (ROOT / it.path).read_text(encoding="utf-8")
