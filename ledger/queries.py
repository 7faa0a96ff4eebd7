"""SQL in files: one statement a name, one line saying what it is for."""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


class Queries:
    """The statements of one `.sql` file, by name."""

    def __init__(self, package: str, name: str) -> None:
        """Read `<package>/sql/<name>.sql`. Raises ValueError where a name stands twice."""
        _, *parts = _NAME.split((files(package) / "sql" / f"{name}.sql").read_text())
        self._statements = dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
        if len(self._statements) * 2 != len(parts):
            raise ValueError(f"{package}/sql/{name}.sql names a statement twice")

    def __getattr__(self, name: str) -> LiteralString:
        """Return a statement. Raises AttributeError where there is none of that name."""
        try:
            return cast("LiteralString", self._statements[name])
        except KeyError:
            raise AttributeError(name) from None


@cache
def queries(package: str, name: str) -> Queries:
    """Return the statements of a file, read once."""
    return Queries(package, name)
