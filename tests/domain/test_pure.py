"""The rules are pure: no clock, no chance, no input or output, and nothing imported that has any."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import domain

FOLDER = Path(domain.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
#: Modules of the standard library that the rules use; each of them answers the same for ever.
STANDARD = {
    *("base64", "binascii", "collections", "dataclasses", "datetime", "functools", "ipaddress", "re", "types"),
    *("typing", "unicodedata"),
}
MODULES = STANDARD | {"urllib.parse", "uuid", "msgspec", "transitions", "domain"}
#: Calls that ask the clock, chance or the machine.
FORBIDDEN = {
    *("now", "utcnow", "today", "fromtimestamp", "uuid1", "uuid4", "getnode", "urandom", "token_hex"),
    *(
        "open",
        "print",
        "input",
        "exec",
        "eval",
        "__import__",
        "read_text",
        "write_text",
        "getenv",
        "environ",
    ),
}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module or ""


def named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name


def faults(source: str) -> set[str]:
    tree = ast.parse(source)
    strange = {name for name in imported(tree) if name not in MODULES and name.partition(".")[0] not in MODULES}
    return strange | (FORBIDDEN & set(named(tree)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_module_of_the_rules_is_pure(file: Path) -> None:
    assert not faults(file.read_text())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from datetime import datetime\nat = datetime.now()", "now"),
        ("from uuid import uuid4", "uuid4"),
        ("import os", "os"),
        ("import urllib.request", "urllib.request"),
        ("import random", "random"),
        ("from ledger.codec import Codec", "ledger.codec"),
        ("open('x')", "open"),
    ],
)
def test_what_is_not_pure_would_be_found(source: str, found: str) -> None:
    assert found in faults(source)
