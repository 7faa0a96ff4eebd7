"""The deviation's table."""

from typing import Any

from domain.quality.deviation import DEVIATIONS
from tests.domain.deviations import DATA, PEOPLE, deviation
from tests.domain.facts_table import FACTS
from tests.domain.table_suite import TableSuite


class TestDeviations(TableSuite):
    """A CRITICAL one takes every review, and QA's asked for information."""

    workflow = DEVIATIONS
    facts = FACTS
    people = PEOPLE
    data = DATA

    @staticmethod
    def record(state: str, trigger: str | None = None) -> Any:
        return deviation(state)
