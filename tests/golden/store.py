"""Where golden events lie, and how they are read."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from domain.events import Event
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.vault import Vault

FOLDER = Path(__file__).parent
EVENTS = FOLDER / "events"
MANIFEST = FOLDER / "manifest.txt"
VAULT = Vault(Keys(FOLDER / "keys"))
CODEC = Codec(VAULT)


class Golden(NamedTuple):
    """A stored example."""

    name: str
    topic: str
    state: bytes

    def event(self) -> Event:
        """The fact; an error where its topic is not known any more."""
        event = CODEC.decode(self.topic, self.state)
        assert event is not None, f"{self.topic} is no fact any more"
        return event


def stored() -> list[Golden]:
    """Every example, by name."""
    paths = sorted(EVENTS.glob("*.json"))
    return [Golden(path.name, path.name.rsplit(".", 2)[0], path.read_bytes()) for path in paths]


def manifest() -> dict[str, str]:
    """The digest of each example that was ever added."""
    lines = [line.split("  ") for line in MANIFEST.read_text().splitlines()] if MANIFEST.exists() else []
    return {name: digest for digest, name in lines}


def digest(state: bytes) -> str:
    """The digest of an example's bytes."""
    return sha256(state).hexdigest()
