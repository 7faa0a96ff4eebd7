"""The reference pages, made from the tables themselves: `python -m flowledger.reference`.

Workflows, facts, settings, errors and proofs: a page can not say anything else than the code does.
"""

from pathlib import Path
from typing import Final

from api.errors import STATUS, status_of
from domain import errors
from domain.catalogue import WORKFLOWS
from flowledger.reference.facts import events_page
from flowledger.reference.markdown import table
from flowledger.reference.proofs import proofs_page
from flowledger.reference.workflows import workflow_page
from flowledger.settings import reference_page

FOLDER: Final = Path("docs/reference")

_MADE: Final = "<!-- Made by `make docs` from the code. Change the code, not this page. -->\n"
_UNSAID: Final = {
    "METHOD_NOT_ALLOWED": "The address is right, the method is not one that it takes.",
    "RANGE_NOT_SATISFIABLE": "None of the bytes that `Range` asks for is there; `Content-Range` says how many are.",
    "INTERNAL_ERROR": "Something went wrong on our side; nothing of the inside is told.",
}


def pages() -> dict[str, str]:
    """Return every page by its path inside the folder."""
    made = {f"workflows/{kind}.md": workflow_page(flow) for kind, flow in WORKFLOWS.items()}
    made |= {"events.md": events_page(), "errors.md": _errors(), "settings.md": _settings()}
    made["proof-bundle.md"] = proofs_page()
    return {path: f"{_MADE}\n{text.rstrip()}\n" for path, text in made.items()}


def write(folder: Path) -> list[Path]:
    """Write the pages that are not as they should be, and return their paths."""
    changed = []
    for name, text in pages().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def _errors() -> str:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.FlowledgerError)
    ]
    rows = [
        [str(status_of(kind.__new__(kind))), f"`{kind.code}`", str(kind.__doc__)]
        for kind in kinds
        if kind is not errors.FlowledgerError
    ]
    rows += [[str(STATUS[code]), f"`{code}`", says] for code, says in _UNSAID.items()]
    return (
        "# Errors\n\nEvery refusal carries one of these codes; the form around it is the dialect's: in the quality"
        " API's, `error.details` names each fault or rule. Where several codes would apply, the first of 401, 404, 403,"
        " 412, 400 or 422, 409 is told. A file that is attached is read last: there, what the record itself refuses,"
        " 409 too, comes before 400, 413, 415 and 422 of the file.\n\n"
        + table(["status", "code", "what it means"], sorted(rows))
    )


def _settings() -> str:
    return (
        "# Settings\n\nRead from the environment when a process starts. A variable that is empty counts as not set;"
        f" one that begins with `FLOWLEDGER_` and is not known is refused.\n\n{reference_page()}"
    )
