"""What closing a deviation may ask for: a CAPA that follows from it."""

import msgspec

from domain.errors import Fault
from domain.given import faults_in, missing_in
from domain.quality.capa import CAPAS
from domain.quality.deviation_facts import Deviation, WantedCapa
from domain.workflow import Data


def wanted_faults(_it: Deviation | None, data: Data) -> list[Fault]:
    """Return what is wrong with the CAPA that is asked for: what is recorded must be opened."""
    wanted = data.get("open_capa")
    if not isinstance(wanted, WantedCapa):
        return []
    given, creation = msgspec.structs.asdict(wanted), CAPAS.creation
    assert creation is not None  # noqa: S101 - CAPAs are created
    faults = missing_in(creation.event, creation.requires, given) + faults_in(creation.event, given, CAPAS.choices)
    return [Fault(f"open_capa.{fault.field}", fault.message) for fault in faults]
