"""What a quality department may configure: days until a deviation is due, and who approves what."""

from collections.abc import Mapping

from msgspec import Struct

from domain.quality.vocabulary import CLASSIFICATIONS

DEPARTMENT, QA, MANAGEMENT = "department", "qa", "management"
#: Reviews come in this order; a chain may end after any of them, and leaves none out.
REVIEWS = (DEPARTMENT, QA, MANAGEMENT)


class QualityConfig(Struct, frozen=True):
    """Days until due and chain of approvals, each by classification.

    Raises ValueError where a classification is left out, days are negative, or a chain is none.
    """

    due_days: Mapping[str, int]
    chains: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        """Refuse what no deviation could follow."""
        if set(self.due_days) != set(CLASSIFICATIONS) or set(self.chains) != set(CLASSIFICATIONS):
            raise ValueError(f"days and chains are given for {', '.join(CLASSIFICATIONS)}, and nothing else")
        if not all(0 <= days <= 36_500 for days in self.due_days.values()):
            raise ValueError("a deviation is due within 0 to 36,500 days")
        if not all(chain and chain == REVIEWS[: len(chain)] for chain in self.chains.values()):
            raise ValueError(f"a chain begins with {DEPARTMENT} and goes on in the order {', '.join(REVIEWS)}")


DEFAULT = QualityConfig(
    due_days={"CRITICAL": 3, "MAJOR": 7, "MINOR": 30},
    chains={
        "MINOR": (DEPARTMENT,),
        "MAJOR": (DEPARTMENT, QA),
        "CRITICAL": (DEPARTMENT, QA, MANAGEMENT),
    },
)
