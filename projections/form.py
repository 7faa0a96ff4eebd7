"""What a stored value is made of, as a text: the names and the types of its fields, and nothing of where they stand.

The same for a struct that is renamed or moved to another module, whatever the libraries' versions.
"""

from enum import Enum
from hashlib import sha256
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct


def digest(statements: tuple[str, ...], structs: tuple[type[Any], ...], edition: int) -> str:
    """Return a digest of statements but for their remarks and layout, of structs, and of an edition."""
    parts = [*map(_bare, statements), *map(described, structs), str(edition)]
    return sha256("\n".join(parts).encode()).hexdigest()


def described(kind: Any, within: tuple[Any, ...] = ()) -> str:
    """Return a type as a text; a struct that holds itself (it is `within`) is named there, and not described again."""
    origin, given = get_origin(kind), get_args(kind)
    if origin is Annotated:  # How large a value may be is no matter of form.
        return described(given[0], within)
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, given))}]"
    if origin in (Union, UnionType):
        return " | ".join(described(one, within) for one in given)
    if origin is not None:
        inner = ", ".join("..." if one is Ellipsis else described(one, within) for one in given)
        return f"{origin.__name__}[{inner}]"
    return _plain(kind, within)


def _plain(kind: Any, within: tuple[Any, ...]) -> str:
    if not isinstance(kind, type) or kind in within:
        return getattr(kind, "__name__", str(kind))
    if issubclass(kind, Struct):
        fields = msgspec.structs.fields(kind)
        return f"{{{', '.join(f'{it.encode_name}: {described(it.type, (*within, kind))}' for it in fields)}}}"
    if issubclass(kind, Enum):
        return f"{kind.__name__}({', '.join(repr(it.value) for it in kind)})"
    return kind.__name__


def _bare(statement: str) -> str:
    return " ".join(word for line in statement.splitlines() if not line.startswith("--") for word in line.split())
