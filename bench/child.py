"""Each side that is Python of ours or a library's runs in a process of its own, so that none inherits another's heap.

`call("bench.ours:append", url=…)` runs that function there and gives back what it returns, with the process's memory.
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent


def call(function: str, **given: Any) -> dict[str, Any]:
    """Run a function of a module in a new process; return its result, a mapping, with `memory`: its peak in bytes.

    Raises RuntimeError with what the process said where it fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.child", function, json.dumps(given)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{function} failed:\n{done.stderr[-4000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def memory(pid: int | str = "self", name: str = "VmHWM") -> int:
    """Return a process's peak (`VmHWM`) or present (`VmRSS`) resident memory in bytes.

    From /proc, not from getrusage: that counts the parent's, of before the exec.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _main() -> None:
    where, _, name = sys.argv[1].partition(":")
    result = getattr(importlib.import_module(where), name)(**json.loads(sys.argv[2]))
    print(json.dumps({**result, "memory": memory()}))


if __name__ == "__main__":
    _main()
