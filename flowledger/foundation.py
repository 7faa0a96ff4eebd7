"""What the supervised processes stand on: kept running under them, ended after them."""

import threading
from typing import Protocol

import structlog

_log = structlog.get_logger(__name__)


class Foundation(Protocol):
    """A service that is no child of the supervisor, such as the embedded PostgreSQL."""

    def is_running(self) -> bool:
        """Whether it is alive."""

    def start(self) -> None:
        """Have it running and ready; raises when that fails."""

    def stop(self, timeout: float) -> None:
        """End it, hard after `timeout` seconds."""


class Keeper:
    """Starts a foundation again whenever it died, from a thread of its own."""

    def __init__(self, foundation: Foundation, look_seconds: float = 0.5) -> None:
        self._foundation = foundation
        self._look_seconds = look_seconds
        self._stopping = threading.Event()
        # A daemon, since a start that takes long must not keep the process from ending.
        self._thread = threading.Thread(target=self._keep, name="foundation", daemon=True)

    def start(self) -> None:
        """Begin to look after a foundation that runs."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """End the foundation; False when that was not possible in time, or failed."""
        self._stopping.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            _log.error("foundation.left_starting")
            return False
        try:
            self._foundation.stop(timeout)
        except Exception:  # noqa: BLE001 - whatever it is, the rest of the stop must go on
            _log.exception("foundation.stop_failed")
            return False
        return True

    def _keep(self) -> None:
        while not self._stopping.wait(self._look_seconds):
            if self._foundation.is_running():
                continue
            _log.error("foundation.died")
            try:
                self._foundation.start()
            except Exception:  # noqa: BLE001 - whatever it is, it is tried again
                _log.exception("foundation.start_failed")
            else:
                _log.info("foundation.restarted")
