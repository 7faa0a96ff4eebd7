"""The supervisor, run as the process that it is, over children that are real processes too."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.postgres import remains
from flowledger.supervise import ListenError, Patience, listen, listen_each

# What every child does: says that it is there, and waits.
WAITS = "import signal, time; print('ready', flush=True); time.sleep(60)"
# Ends by itself when asked to.
OBEYS = "import signal, sys; signal.signal(15, lambda *_: sys.exit()); " + WAITS
# Never ends when asked to.
RESISTS = "import signal; signal.signal(15, signal.SIG_IGN); " + WAITS

PRELUDE = """
import os, sys
from flowledger import logs
from flowledger.supervise import Child, Patience, listen, supervise

logs.configure("info", "json")

def child(name, code, **more):
    argv = (sys.executable, "-c", code)
    return Child(name=name, argv=argv, env=dict(os.environ), **more)

hasty = Patience(early_seconds=5, attempts=3, first_wait=0.01)
"""


class Supervisor:
    """A running supervisor, and what it has said."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def said(self) -> list[dict[str, Any]]:
        whole = self._log.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def waits_for(self, event: str, times: int = 1) -> list[dict[str, Any]]:
        def found() -> list[dict[str, Any]]:
            return [line for line in self.said() if line["event"] == event]

        assert until(lambda: len(found()) >= times), self.said()
        return found()

    def ends(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(15)


def until(true: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@contextmanager
def running(tmp_path: Path, code: str) -> Iterator[Supervisor]:
    log = tmp_path / "log"
    script = PRELUDE + textwrap.dedent(code)
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-W", "error", "-c", script], stderr=output)
    try:
        yield Supervisor(process, log)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_asked_to_stop_it_stops_its_children_and_exits_0(tmp_path: Path, number: signal.Signals) -> None:
    code = f"sys.exit(supervise([child('a', {OBEYS!r})], drain_seconds=5))"
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("ready")
        assert supervisor.ends(number) == 0
        (started,) = supervisor.waits_for("process.started")
        assert not runs(started["pid"])


def test_a_child_that_died_is_started_again(tmp_path: Path) -> None:
    code = f"""
    sys.exit(supervise([child('a', {OBEYS!r})], drain_seconds=5, patience=hasty))
    """
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("ready")
        os.kill(supervisor.waits_for("process.started")[0]["pid"], signal.SIGKILL)
        supervisor.waits_for("ready", times=2)
        (died,) = supervisor.waits_for("process.died")
        assert (died["process"], died["ending"]) == ("a", "signal 9")
        assert supervisor.ends() == 0


def test_a_child_that_dies_at_every_start_ends_everything_with_the_reason(tmp_path: Path) -> None:
    code = f"""
    bad = child('bad', "import sys; sys.exit('no such table')")
    sys.exit(supervise([child('good', {OBEYS!r}), bad], drain_seconds=5, patience=hasty))
    """
    with running(tmp_path, code) as supervisor:
        assert supervisor.process.wait(15) == 1
        (reason,) = supervisor.waits_for("supervisor.gives_up")
        assert reason["why"] == "bad died at 3 starts in a row, the last time: exit code 1"
        assert len(supervisor.waits_for("no such table")) == 3
        assert not any(runs(line["pid"]) for line in supervisor.waits_for("process.started"))


def test_a_program_that_is_missing_counts_as_a_death(tmp_path: Path) -> None:
    code = """
    missing = Child(name='m', argv=('/nowhere/program',), env={})
    sys.exit(supervise([missing], drain_seconds=5, patience=hasty))
    """
    with running(tmp_path, code) as supervisor:
        assert supervisor.process.wait(15) == 1
        assert "/nowhere/program" in supervisor.waits_for("supervisor.gives_up")[0]["why"]


def test_a_child_that_resists_is_killed_with_all_it_started_and_the_exit_code_is_1(
    tmp_path: Path,
) -> None:
    spawns = (
        "import subprocess, sys; "
        f"print(subprocess.Popen([sys.executable, '-c', {RESISTS!r}]).pid, flush=True); {RESISTS}"
    )
    code = f"sys.exit(supervise([child('a', {spawns!r})], drain_seconds=0.3))"
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("ready", times=2)
        (grandchild,) = [int(line["event"]) for line in supervisor.said() if line["event"].isdigit()]
        assert supervisor.ends() == 1
        assert supervisor.waits_for("process.killed")[0]["process"] == "a"
        assert until(lambda: not runs(grandchild))


def test_stages_stop_in_their_order(tmp_path: Path) -> None:
    ends_slowly = (
        "import signal, sys, time\n"
        "def end(*_): time.sleep(0.2); print('end of ' + sys.argv[1], flush=True); sys.exit()\n"
        "signal.signal(15, end); print('ready', flush=True); time.sleep(60)"
    )
    code = f"""
    def staged(name, stage):
        argv = (sys.executable, "-c", {ends_slowly!r}, name)
        return Child(name=name, argv=argv, env=dict(os.environ), stage=stage)

    class Ground:
        def is_running(self): return True
        def start(self): raise AssertionError
        def stop(self, timeout): print('{{"event": "end of ground"}}', file=sys.stderr, flush=True)

    children = [staged('worker', 1), staged('api', 0)]
    sys.exit(supervise(children, drain_seconds=5, foundation=Ground()))
    """
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("ready", times=2)
        assert supervisor.ends() == 0
        ends = [line["event"] for line in supervisor.said() if line["event"].startswith("end of")]
        assert ends == ["end of api", "end of worker", "end of ground"]


def test_a_stage_that_resists_does_not_keep_the_next_from_its_drain(tmp_path: Path) -> None:
    code = f"""
    children = [child('api', {RESISTS!r}), child('worker', {OBEYS!r}, stage=1)]
    sys.exit(supervise(children, drain_seconds=1))
    """
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("ready", times=2)
        begun = time.monotonic()
        assert supervisor.ends() == 1
        assert time.monotonic() - begun < 5
        assert [line["process"] for line in supervisor.waits_for("process.killed")] == ["api"]


def test_children_die_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = f"""
    children = [child('a', {RESISTS!r}), child('b', {RESISTS!r})]
    sys.exit(supervise(children, drain_seconds=5))
    """
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("ready", times=2)
        pids = [line["pid"] for line in supervisor.waits_for("process.started", times=2)]
        assert all(runs(pid) for pid in pids)
        supervisor.ends(signal.SIGKILL)
        assert until(lambda: not any(runs(pid) for pid in pids))


def test_a_stop_during_the_wait_before_a_restart_is_heeded_at_once(tmp_path: Path) -> None:
    code = """
    slow = Patience(first_wait=60, longest_wait=60)
    sys.exit(supervise([child('a', 'pass')], drain_seconds=5, patience=slow))
    """
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("process.died")
        assert supervisor.ends() == 0


def test_what_children_write_comes_out_as_structured_lines(tmp_path: Path) -> None:
    writes = (
        'import sys; print(\'{"event": "mine", "level": "warning", "n": 1}\', flush=True); '
        "print('plain', file=sys.stderr, flush=True); print('x' * 3_000_000, flush=True); "
        "sys.stdout.write('no end of line'); sys.stdout.flush(); " + OBEYS
    )
    code = f"sys.exit(supervise([child('a', {writes!r})], drain_seconds=5))"
    with running(tmp_path, code) as supervisor:
        mine = supervisor.waits_for("mine")[0]
        assert (mine["level"], mine["n"], mine["process"]) == ("warning", 1, "a")
        assert supervisor.waits_for("plain")[0]["process"] == "a"
        supervisor.waits_for("no end of lineready")
        assert sum(line["event"].count("x") for line in supervisor.said()) >= 3_000_000
        assert supervisor.ends() == 0


def test_a_foundation_that_died_is_started_again(tmp_path: Path) -> None:
    code = f"""
    class Ground:
        alive, starts = False, 0
        def is_running(self): return self.alive
        def start(self):
            self.starts += 1
            if self.starts < 2: raise OSError('disk full')
            self.alive = True
        def stop(self, timeout): pass

    sys.exit(supervise([child('a', {OBEYS!r})], drain_seconds=5, foundation=Ground()))
    """
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("ready")
        supervisor.waits_for("foundation.restarted")
        assert "disk full" in supervisor.waits_for("foundation.start_failed")[0]["exception"]
        assert supervisor.ends() == 0


@pytest.mark.long
def test_a_foundation_that_takes_long_to_start_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    code = f"""
    import time

    class Ground:
        def is_running(self): return False
        def start(self): time.sleep(60)
        def stop(self, timeout): raise AssertionError

    sys.exit(supervise([child('a', {OBEYS!r})], drain_seconds=0.5, foundation=Ground()))
    """
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("ready")
        supervisor.waits_for("foundation.died")
        assert supervisor.ends() == 1
        supervisor.waits_for("foundation.left_starting")


def test_children_share_one_listening_socket_over_their_deaths(tmp_path: Path) -> None:
    serves = (
        "import os, socket, sys\n"
        "s = socket.socket(fileno=int(sys.argv[1])); print('ready', flush=True)\n"
        "while True:\n"
        "    c, _ = s.accept(); c.sendall(str(os.getpid()).encode()); c.close(); os._exit(0)"
    )
    code = f"""
    shared = listen('127.0.0.1', 0)
    logs.forward('test', b'port %d' % shared.getsockname()[1])
    fd = shared.fileno()
    argv = (sys.executable, '-c', {serves!r}, str(fd))
    children = [Child(name=n, argv=argv, env=dict(os.environ), fds=(fd,)) for n in 'ab']
    sys.exit(supervise(children, drain_seconds=5, patience=Patience(attempts=99, first_wait=0.01)))
    """
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("ready", times=2)
        (said,) = [line["event"] for line in supervisor.said() if line["event"][:4] == "port"]
        answered = set()
        for _ in range(6):
            with socket.create_connection(("127.0.0.1", int(said.split()[1])), 5) as client:
                answered.add(client.recv(100))
        assert len(answered) == 6
        assert supervisor.ends() == 0


def test_a_free_port_is_chosen_and_told() -> None:
    with listen("127.0.0.1", 0) as chosen:
        assert chosen.getsockname()[1] > 0


def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ListenError, match=f"127.0.0.1 port {port}: .*in use"):
            listen("127.0.0.1", port)


def test_sockets_of_their_own_on_one_address_each_get_a_share_of_the_connections() -> None:
    first, second = listen_each("127.0.0.1", 0, 2)
    with first, second:
        assert first.getsockname() == second.getsockname()
        waiting = [socket.create_connection(first.getsockname()) for _ in range(60)]
        shares = [_queued(one) for one in (first, second)]
        for client in waiting:
            client.close()
    assert sum(shares) == 60
    assert min(shares) > 0


def _queued(listening: socket.socket) -> int:
    listening.setblocking(False)
    count = 0
    while True:
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_a_port_that_others_share_in_the_same_way_counts_as_taken() -> None:
    theirs = listen_each("127.0.0.1", 0, 2)
    port = theirs[0].getsockname()[1]
    for count in (1, 2):
        with pytest.raises(ListenError, match="in use"):
            listen_each("127.0.0.1", port, count)
    for one in theirs:
        one.close()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("no.such.host.invalid", 80)])
def test_an_address_that_cannot_be_is_refused(host: str, port: int) -> None:
    with pytest.raises(ListenError, match=f"{host} port {port}"):
        listen(host, port)


@given(st.integers(1, 10_000))
def test_the_wait_before_a_restart_grows_up_to_its_bound(failures: int) -> None:
    patience = Patience(first_wait=0.2, longest_wait=10)
    assert 0.2 <= patience.wait(failures) <= patience.wait(failures + 1) <= 10


@pytest.mark.long
def test_the_embedded_postgresql_is_kept_running_and_ended_last(tmp_path: Path) -> None:
    code = f"""
    from pathlib import Path
    from flowledger.postgres import Embedded

    server = Embedded(Path({str(tmp_path / "data")!r}))
    server.start()
    sys.exit(supervise([child('a', {OBEYS!r})], drain_seconds=5, foundation=server))
    """
    cluster = tmp_path / "data" / "postgres"
    with running(tmp_path, code) as supervisor:
        supervisor.waits_for("ready")
        first = remains.postmaster(cluster)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        supervisor.waits_for("foundation.restarted")
        assert supervisor.ends() == 0
        assert remains.processes(cluster) == []
