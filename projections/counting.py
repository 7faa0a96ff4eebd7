"""Exact counts of filtered lists, a block of ids at a time: a change costs the counting of one block, not of all."""

from collections.abc import Hashable, Mapping
from typing import NamedTuple

#: So many ids are counted together.
BLOCK = 256
_MOST_COUNTS = 200


class Counted(NamedTuple):
    """How many records of each block of ids match, and the read model's position and generation at that time."""

    position: int
    generation: int
    blocks: Mapping[int, int]
    total: int

    def moved(self, position: int, blocks: Mapping[int, int]) -> "Counted":
        """Return the count at another position: some blocks were counted anew."""
        if not blocks:
            return self._replace(position=position)
        total = self.total + sum(number - self.blocks.get(block, 0) for block, number in blocks.items())
        return Counted(position, self.generation, {**self.blocks, **blocks}, total)

    def place_of(self, offset: int) -> tuple[int, int]:
        """Return the id below which what follows the first `offset`, newest first, lies, and how many to pass yet."""
        for block in sorted(self.blocks, reverse=True):
            if offset < self.blocks[block]:
                return (block + 1) * BLOCK, offset
            offset -= self.blocks[block]
        return 0, 0


#: A count of a position that there is not.
NOT_COUNTED = Counted(-1, -1, {}, 0)


class Counts:
    """Counts of filtered lists: what was counted at one position is brought up to another by what moved between."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[Hashable, Counted] = {}

    def known(self, wanted: Hashable) -> Counted:
        """Return the last count under a filter, or one of a position that there is not."""
        return self._kept.get(wanted, NOT_COUNTED)

    def keep(self, wanted: Hashable, counted: Counted) -> None:
        """Keep a count."""
        if len(self._kept) >= _MOST_COUNTS:
            self._kept.clear()
        self._kept[wanted] = counted
