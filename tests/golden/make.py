"""Add the golden events that are missing: `python -m tests.golden.make`. Never writes to one that is there."""

from domain.events import FACTS
from tests.golden.examples import example
from tests.golden.store import CODEC, EVENTS, MANIFEST, digest, stored


def make() -> list[str]:
    """Store today's example of each fact that has no such example yet; return the names of the new files."""
    EVENTS.mkdir(exist_ok=True)
    added = []
    for topic in sorted(FACTS):
        known = [golden.state for golden in stored() if golden.topic == topic]
        state = CODEC.encode(example(topic))
        if state not in known:
            name = f"{topic}.{len(known) + 1}.json"
            with (EVENTS / name).open("xb") as file:
                file.write(state)
            with MANIFEST.open("a") as lines:
                lines.write(f"{digest(state)}  {name}\n")
            added.append(name)
    return added


if __name__ == "__main__":
    for name in make():
        print(f"added {name}")
