"""A password that was made up, until somebody was told of it."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path


class Untold:
    """The file of a made-up password that nobody was told yet: written before it holds, removed once it is told."""

    def __init__(self, folder: Path) -> None:
        """Keep the file in a folder; whoever makes the folder makes it private."""
        self._path = folder / "administrator.password"

    def read(self) -> str | None:
        """Return the password that is still to be told, None where there is none."""
        try:
            return self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None

    def make(self) -> str:
        """Make a password up and keep it; return the one that is kept already where somebody was first."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Its mode is 0600 from the start; it appears under its name whole, on the disk, and never in another's place.
        with tempfile.NamedTemporaryFile("w", encoding="ascii", dir=self._path.parent, prefix="password-") as draft:
            draft.write(secrets.token_urlsafe(12))
            draft.flush()
            os.fsync(draft.fileno())
            with suppress(FileExistsError):
                os.link(draft.name, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._path.read_text(encoding="ascii")

    def forget(self) -> None:
        """Remove it: told, or of no use."""
        self._path.unlink(missing_ok=True)
