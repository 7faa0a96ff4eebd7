"""docs/compliance/part11.md, made from the clauses and the tests that name them: `python -m tests.support.compliance`.

The tests are read, not run: a decorator `@pytest.mark.clause(…)` says what a test shows.
"""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.clauses import CLAUSES, Clause

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compliance" / "part11.md"

_HEAD = """\
<!-- Made by `make docs` from the tests and tests/support/clauses.py. Change those, not this page. -->

# 21 CFR Part 11 and EU GMP Annex 11

What the product does about each technical clause, the tests that show it, and what is left to whoever runs it. A clause
has at least one test that shows something refused or found: those are marked with ✗. Nothing is claimed without a test.

Procedures, training and validation in use are the operator's, and no product's: 11.10(i) and 11.10(j) ask for nothing
else, and are not here; nor is 11.30, on open systems, for which TLS belongs in front of the product.

`.venv/bin/pytest -m "clause and (long or not long)"` runs them all.
"""


class Shown(NamedTuple):
    """A test that shows a clause: where it stands, its name, its sentence."""

    clause: str
    negative: bool
    path: str
    test: str
    sentence: str


def shown(folder: Path = ROOT / "tests") -> list[Shown]:
    """Return every test that names a clause, once for each, by file and place."""
    return [found for path in sorted(folder.rglob("*.py")) for found in _in_file(path)]


def page(tests: Sequence[Shown]) -> str:
    """Return the page."""
    parts = [_HEAD]
    for law, clauses in CLAUSES.items():
        parts.append(f"## {law}\n")
        parts += [_section(clause, [it for it in tests if it.clause == clause.number]) for clause in clauses]
    return "\n".join(parts)


def _section(clause: Clause, tests: Sequence[Shown]) -> str:
    lines = [
        f"- {'✗' if it.negative else '✓'} {it.sentence} [`{it.test}`](../../{it.path})"
        for it in sorted(tests, key=lambda it: it.negative)
    ]
    return (
        f"### {clause.number}: {clause.asks}\n\n{clause.does}\n\n*Left to the operator:* {clause.operator}\n\n"
        + "\n".join(lines)
        + "\n"
    )


def _in_file(path: Path) -> Iterator[Shown]:
    text = path.read_text(encoding="utf-8")
    if "mark.clause(" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for clause, negative in _clauses(node):
                yield Shown(clause, negative, path.relative_to(ROOT).as_posix(), node.name, _sentence(node))


def _clauses(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, bool]]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.clause":
            given = {it.arg: ast.literal_eval(it.value) for it in mark.keywords}
            yield ast.literal_eval(mark.args[0]), bool(given.get("negative"))


def _sentence(test: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return what a test's name says, and its docstring after that."""
    name = test.name.removeprefix("test_").replace("_", " ")
    told = " ".join((ast.get_docstring(test) or "").split())
    return f"{name[:1].upper()}{name[1:]}." + (f" {told}" if told else "")


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(shown()), encoding="utf-8")
