"""The reference pages say what the code does."""

import re
from pathlib import Path

import pytest

from audit.verifier import Bundle, Consistency, check, read_key
from domain.catalogue import WORKFLOWS
from domain.events import FACTS
from flowledger.reference import FOLDER, pages, write

COMMITTED = Path(__file__).parents[2] / FOLDER


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_committed_page_is_as_the_code_makes_it(name: str) -> None:
    assert (COMMITTED / name).read_text(encoding="utf-8") == pages()[name], "run make docs"


def test_there_is_no_page_that_the_code_does_not_make() -> None:
    assert {str(path.relative_to(COMMITTED)) for path in COMMITTED.rglob("*.md")} == set(pages())


def test_writing_tells_what_was_stale_and_the_second_time_nothing_is(tmp_path: Path) -> None:
    assert {str(path.relative_to(tmp_path)) for path in write(tmp_path)} == set(pages())
    (tmp_path / "events.md").write_text("old")
    assert write(tmp_path) == [tmp_path / "events.md"]
    assert write(tmp_path) == []


def test_every_fact_and_every_step_has_its_place() -> None:
    made = pages()
    assert all(f"### {topic}\n" in made["events.md"] for topic in FACTS)
    for kind, flow in WORKFLOWS.items():
        page = made[f"workflows/{kind}.md"]
        assert all(f"| `{step.trigger}`" in page for step in flow.all_steps)
        assert all(f"`{state}`" in page for state in flow.states)


@pytest.mark.parametrize("name", sorted(pages()))
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    for block in pages()[name].split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({row.replace("\\|", "").count("|") for row in rows}) <= 1


def test_the_examples_of_proofs_are_proofs() -> None:
    """What the page shows is what the verifier takes, with the key that the page names."""
    page = pages()["proof-bundle.md"]
    _, bundle, consistency = re.findall(r"```json\n(.*)\n```", page)
    (public,) = re.findall(r"`checkpoint.pub` is\n`(\S+)`", page)
    assert isinstance(check(bundle.encode(), [read_key(public)]), Bundle)
    assert isinstance(check(consistency.encode(), [read_key(public)]), Consistency)
