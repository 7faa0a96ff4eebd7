"""The CAPA's table."""

from typing import Any

from domain.quality.capa import CAPAS
from tests.domain.capa_facts_table import FACTS
from tests.domain.capas import DATA, PEOPLE, capa, undone
from tests.domain.table_suite import TableSuite


class TestCapas(TableSuite):
    """One that is owned, with one action, which is done unless it is to be removed."""

    workflow = CAPAS
    facts = FACTS
    people = PEOPLE
    data = DATA

    @staticmethod
    def record(state: str, trigger: str | None = None) -> Any:
        return undone(capa(state)) if trigger == "remove_action" else capa(state)
