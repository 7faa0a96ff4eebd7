"""The little Markdown that the pages are made of."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


#: Kinds whose name is read as letters.
_ABBREVIATIONS = {"capa": "CAPA"}


def title(kind: str) -> str:
    """Return what records of a kind are called."""
    return _ABBREVIATIONS.get(kind, kind.capitalize())


def code(names: Iterable[str]) -> str:
    """Return names as code, between commas."""
    return ", ".join(f"`{name}`" for name in names)
