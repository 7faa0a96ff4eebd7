"""The inspector's copy in a real browser: read, printed, and nothing of it run or loaded."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.stories import Story
from tests.api.test_copies import HOSTILE, page
from tests.support.product import People

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed here"),
]


def browse(folder: Path, text: str, *how: str) -> str:
    """Open a page, and return what the browser wrote to stdout."""
    file = folder / "copy.html"
    file.write_text(text)
    command = [
        *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *(f"--user-data-dir={folder / 'profile'}", "--window-size=1100,1500"),
    ]
    done = subprocess.run(
        [*command, *how, file.as_uri()], capture_output=True, text=True, timeout=90, check=True, cwd=folder
    )
    return done.stdout


@pytest.fixture
def copy(people: People) -> str:
    """The copy of a deviation in which somebody wrote what a page could be made to run."""
    return page(people("viewer"), Story(people, title=HOSTILE, description="Line 1\nLine 2").closed().path)


def test_it_is_drawn_and_printed(copy: str, tmp_path: Path) -> None:
    browse(tmp_path, copy, "--screenshot=shot.png")
    browse(tmp_path, copy, "--no-pdf-header-footer", "--print-to-pdf=copy.pdf")
    assert (tmp_path / "shot.png").stat().st_size > 20_000, "an empty page is smaller"
    pdf = (tmp_path / "copy.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 2


def test_what_somebody_wrote_is_text_in_it(copy: str, tmp_path: Path) -> None:
    """Whatever it looks like: no element comes of it, and the style sheet is the page's own."""
    dom = browse(tmp_path, copy, "--dump-dom")
    assert "<script" not in dom
    assert "<img" not in dom
    assert "&lt;script&gt;alert(1)" in dom


def test_a_script_in_it_would_not_run(copy: str, tmp_path: Path) -> None:
    """Even where one came in, the page's own policy stops it."""
    bad = copy.replace("</body>", "<script>document.title = 'ran'; document.body.innerHTML = 'ran'</script></body>")
    dom = browse(tmp_path, bad, "--dump-dom")
    assert "<title>ran" not in dom
    assert "Inspector's copy" in dom
