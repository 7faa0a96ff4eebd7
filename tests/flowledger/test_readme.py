"""The README's tour, run as it is written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.product import ADMIN_PASSWORD, Process, free_port, until

ROOT = Path(__file__).parents[2]


def _tour() -> str:
    told = (ROOT / "README.md").read_text()
    section = re.search(r"<!-- tour: begin -->(.*)<!-- tour: end -->", told, re.DOTALL)
    assert section is not None
    return "\n".join(re.findall(r"```bash\n(.*?)```", section[1], re.DOTALL))


@pytest.mark.long
def test_a_newcomer_who_types_the_tour_gets_a_closed_deviation_told_and_proved(tmp_path: Path) -> None:
    port, receiver = free_port(), free_port()
    commands = _tour().replace(":8000", f":{port}").replace(":8001", f":{receiver}").replace("8001)", f"{receiver})")
    ours = {".venv/bin/flowledger": f"{sys.executable} -m flowledger", ".venv/bin/python": sys.executable}
    commands = re.sub(r"\.venv/bin/\w+", lambda found: ours[found[0]], commands)
    assert ADMIN_PASSWORD in commands
    data = tmp_path / "var"
    product = Process("up", "--port", str(port), data=data, env={})
    try:
        until(lambda: "Flowledger listens" in product.tell(), 60, "start")
        script = f"set -euo pipefail\n{_WAIT.format(port=port)}\n{commands}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env={**os.environ, "FLOWLEDGER_DATA": str(data), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    finally:
        stopped = product.stop()
    assert done.returncode == 0, done.stdout + done.stderr + product.tell()
    assert "verified: the history is whole" in done.stdout
    assert "CONSISTENT IN ITSELF" in done.stdout
    assert (tmp_path / "arrived.txt").read_text().splitlines()[0].startswith("deviation.created DEV-")
    assert stopped == 0


_WAIT = "until curl -sf http://127.0.0.1:{port}/readyz > /dev/null; do sleep 0.1; done"

pytestmark = pytest.mark.skipif(
    subprocess.run(["bash", "-c", "command -v curl"], capture_output=True, check=False).returncode != 0,
    reason="the tour is typed with curl, which this machine lacks",
)
