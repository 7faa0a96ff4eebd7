"""Checks a proof of a Flowledger ledger offline: a bundle of one record's events, or a proof of consistency.

    python verifier.py PROOF.json [--key NAME+ID+KEY] [--key checkpoint.pub]

This file is all there is to it: it takes Python 3.10 or later, the package `cryptography` and nothing of Flowledger's,
asks nobody and writes nothing. Read it before you trust it. The format, byte for byte, and what is proved and what is
not: docs/reference/proof-bundle.md. Exit 0: it holds; 1: refused; 2: the file or a key could not be read.
"""

import argparse
import base64
import binascii
import json
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.stderr.write("This takes one package more: pip install cryptography\n")
    sys.exit(2)

BUNDLE = "flowledger-proof/1"
CONSISTENCY = "flowledger-consistency/1"

_LARGEST = 2**53 - 1
_HASH = 32
_ED25519 = b"\x01"
_HEAD = Struct(">q16sqqI")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - runs on Python 3.10 too
_CHECKPOINT = re.compile(r"(\S+)\n([1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n\n\u2014 (\S+) ([A-Za-z0-9+/=]+)\n")
_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")
_LONGEST = 200


class Refused(Exception):
    """The proof does not hold; says why."""


class Unaskable(Exception):
    """There is no proof to check, or no key to check it with; says why."""


class Trusted(NamedTuple):
    """A public key that the caller trusts: 32 bytes, and the ledger that it is for, "" for any."""

    name: str
    raw: bytes


class Head(NamedTuple):
    """A signed tree head: `size` events of a ledger have this root. key: of who signed it, 32 bytes."""

    origin: str
    size: int
    root: bytes
    key: bytes


class Event(NamedTuple):
    """One event as it was recorded: what its leaf covers. recorded_at: microseconds since 1970 UTC."""

    position: int
    version: int
    topic: str
    recorded_at: int
    state: bytes


class Bundle(NamedTuple):
    """What a bundle proves: these events of one stream are in the tree that was signed."""

    head: Head
    stream: UUID
    events: list[Event]


class Consistency(NamedTuple):
    """What a proof of consistency proves: the first tree is the beginning of the second."""

    first: Head
    second: Head


def check(data: bytes, trusted: Iterable[Trusted] = ()) -> "Bundle | Consistency":
    """Check a proof of either kind. With trusted keys, one of them must have signed. Raises Refused."""
    document = canonical(data)
    keys = list(trusted)
    kind = document.get("format")
    if kind == BUNDLE:
        return _bundle(document, keys)
    if kind == CONSISTENCY:
        return _consistency(document, keys)
    raise Refused(f"this is no proof that this verifier knows: its format is {kind!r}")


# The document: one way to write it only, so that no byte of it can change unseen.


def canonical(data: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises Refused where its bytes are not those that RFC 8785 gives for what they say."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_not_finite)
        again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Refused(f"the file is not JSON: {error}") from None
    if again != data:
        raise Refused("the file is not canonical JSON (RFC 8785): it was not written so, or was changed since")
    if not isinstance(value, dict):
        raise Refused("the file is not a JSON object")
    return value


def _not_finite(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _fields(value: Any, what: str, **kinds: type) -> list[Any]:
    """Return an object's fields in the order asked for: exactly these, each of exactly its type."""
    if type(value) is not dict or value.keys() != kinds.keys():
        raise Refused(f"{what} does not have the fields {', '.join(kinds)}, and those alone")
    for name, kind in kinds.items():
        if type(value[name]) is not kind:
            raise Refused(f"{what}: {name} is not of its type")
        if kind is int and not 0 <= value[name] <= _LARGEST:
            raise Refused(f"{what}: {name} is out of its range")
    return [value[name] for name in kinds]


def _decoded(text: Any, what: str) -> bytes:
    """Return the bytes of canonical base64 (RFC 4648 section 4, padded, no bits left over)."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (AttributeError, UnicodeEncodeError, binascii.Error):
        raise Refused(f"{what} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Refused(f"{what} is not canonical base64")
    return data


def _hashes(texts: list[Any], what: str) -> list[bytes]:
    found = [_decoded(text, what) for text in texts]
    if any(len(one) != _HASH for one in found):
        raise Refused(f"{what} holds what is no hash")
    return found


# The signed tree head: c2sp.org/tlog-checkpoint in a c2sp.org/signed-note, with one signature.


def _signed(note: str, written_key: str, trusted: list[Trusted]) -> Head:
    """Return what a checkpoint says, signed by the key that comes with it; by one of the trusted keys, if any."""
    match = _CHECKPOINT.fullmatch(note)
    if match is None:
        raise Refused("the checkpoint is not a signed note with one signature")
    origin, size, root, name, signature = match.groups()
    key_name, raw = _key(written_key)
    if not origin == name == key_name:
        raise Refused("the checkpoint, its signature and the key do not name the same ledger")
    claim = _decoded(signature, "the signature")
    if claim[:4] != _key_id(origin, raw):
        raise Refused("the signature is not of the key that comes with it")
    text = note[: note.index("\n\n") + 1]
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(claim[4:], text.encode())
    except (InvalidSignature, ValueError):
        raise Refused("the checkpoint's signature is false") from None
    if trusted and not any(it.raw == raw and it.name in ("", origin) for it in trusted):
        raise Refused("the checkpoint is signed by another key than the one that you trust")
    if int(size) > _LARGEST:
        raise Refused("the checkpoint's size is out of its range")
    return Head(origin, int(size), _decoded(root, "the root"), raw)


def _key(text: str) -> tuple[str, bytes]:
    """Return the name and the 32 bytes of a verifier key: `name+id+base64`, c2sp.org/signed-note."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise Refused("the key is not a verifier key (name+id+base64)")
    name, identity, encoded = match.groups()
    raw = _decoded(encoded, "the key")
    if len(raw) != 33 or raw[:1] != _ED25519 or identity != _key_id(name, raw[1:]).hex():
        raise Refused("the key is not an Ed25519 verifier key, or its id is not its own")
    return name, raw[1:]


def _key_id(name: str, raw: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:4]


# The tree: RFC 6962 section 2.1, proofs checked as RFC 9162 sections 2.1.3.2 and 2.1.4.2 say.


def leaf_hash(stream: UUID, event: Event) -> bytes:
    """Return SHA-256(0x00 ‖ header ‖ topic ‖ state): every column of the stored event, each with its length."""
    topic = event.topic.encode()
    head = _HEAD.pack(event.position, stream.bytes, event.version, event.recorded_at, len(topic))
    return sha256(b"\x00" + head + topic + event.state).digest()


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root to which an inclusion proof leads. Raises Refused where the proof is not of the right length."""
    if not 0 <= index < size:
        raise Refused("an event stands beyond the tree that was signed")
    root = leaf
    for left, sibling in zip(_sides(index, size - 1, len(path)), path, strict=True):
        root = _node(sibling, root) if left else _node(root, sibling)
    return root


def begins(first: Head, second: Head, path: list[bytes]) -> None:
    """Raise Refused unless the first tree is the beginning of the second."""
    if first.size > second.size:
        raise Refused("the first checkpoint covers more events than the second")
    if first.size == second.size:
        if path or first.root != second.root:
            raise Refused("two trees of one size are not the same")
        return
    if not path:
        raise Refused("the proof is too short")
    index, last = first.size - 1, second.size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    # A first tree that is perfect is itself what the proof begins with.
    start, *rest = path if index else [first.root, *path]
    ours = theirs = start
    for left, sibling in zip(_sides(index, last, len(rest)), rest, strict=True):
        ours = _node(sibling, ours) if left else ours
        theirs = _node(sibling, theirs) if left else _node(theirs, sibling)
    if (ours, theirs) != (first.root, second.root):
        raise Refused("the first tree is not the beginning of the second")


def _sides(index: int, last: int, length: int) -> Iterator[bool]:
    """Say of each hash of a proof whether it stands to the left. Raises Refused where there are too many or too few."""
    for _ in range(length):
        if last == 0:
            raise Refused("the proof is too long")
        left = index & 1 == 1 or index == last
        yield left
        while left and index and not index & 1:
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    if last:
        raise Refused("the proof is too short")


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


# The two kinds of proof.


def _bundle(document: dict[str, Any], trusted: list[Trusted]) -> Bundle:
    _, note, key, name, given = _fields(
        document, "the bundle", format=str, checkpoint=str, key=str, stream=str, events=list
    )
    head = _signed(note, key, trusted)
    stream = _stream(name)
    if not given:
        raise Refused("the bundle holds no event")
    events = list[Event]()
    for number, one in enumerate(given, 1):
        event, path = _event(one, f"event no. {number} of the bundle")
        if events and (event.version != events[-1].version + 1 or event.position <= events[-1].position):
            raise Refused(f"event no. {number} of the bundle does not follow the one before it")
        if root_of(leaf_hash(stream, event), event.position - 1, head.size, path) != head.root:
            raise Refused(f"the event at position {event.position} is not in the tree that was signed")
        events.append(event)
    if events[0].version > 1:
        raise Refused(f"the bundle begins with version {events[0].version} of its stream: the beginning is missing")
    return Bundle(head, stream, events)


def _stream(text: str) -> UUID:
    try:
        stream = UUID(text)
    except ValueError:
        raise Refused("the stream is no UUID") from None
    if str(stream) != text:
        raise Refused("the stream is not written as a UUID is")
    return stream


def _event(value: Any, what: str) -> tuple[Event, list[bytes]]:
    position, version, topic, recorded_at, state, proof = _fields(
        value, what, position=int, version=int, topic=str, recorded_at=int, state=str, proof=list
    )
    return Event(position, version, topic, recorded_at, _decoded(state, f"{what}: state")), _hashes(proof, what)


def _consistency(document: dict[str, Any], trusted: list[Trusted]) -> Consistency:
    _, first, second, proof = _fields(document, "the proof", format=str, first=dict, second=dict, proof=list)
    former, latter = (_side(one, trusted) for one in (first, second))
    if former.origin != latter.origin:
        raise Refused("the two checkpoints are of different ledgers")
    begins(former, latter, _hashes(proof, "the proof"))
    return Consistency(former, latter)


def _side(value: dict[str, Any], trusted: list[Trusted]) -> Head:
    note, key = _fields(value, "a side of the proof", checkpoint=str, key=str)
    return _signed(note, key, trusted)


# In words. What is in the file may be anything: nothing of it reaches a terminal but what can be printed.


def told(proof: "Bundle | Consistency", trusted: list[Trusted]) -> Iterator[str]:
    """Say what a proof that was checked with some keys establishes, and what it does not; then each event."""
    heads = [proof.head] if isinstance(proof, Bundle) else list(proof)
    named = all(any((it.name, it.raw) == (head.origin, head.key) for it in trusted) for head in heads)
    yield f"ledger       {_plain(heads[0].origin)}"
    for head in heads:
        yield f"checkpoint   over {head.size} events, root {head.root.hex()}"
        yield f"signed with  {base64.b64encode(head.key).decode()} (SHA-256 {sha256(head.key).hexdigest()})"
    yield ""
    yield "Established:"
    yield from (f"  - {line}" for line in _established(proof, trusted=bool(trusted)))
    yield "Not established:"
    yield from (f"  - {line}" for line in _open(proof, trusted=bool(trusted), named=named))
    if isinstance(proof, Bundle):
        yield ""
        yield f"The events of stream {proof.stream}:"
        yield from (_words(event) for event in proof.events)
        yield from _signatures(signatures(proof))


def _established(proof: "Bundle | Consistency", *, trusted: bool) -> Iterator[str]:
    signer = "the key that you trust" if trusted else "the key that comes with the file"
    if isinstance(proof, Bundle):
        yield f"The checkpoint is signed by {signer}."
        yield "Each event below is in the ledger that it covers, with these bytes, at this place and time."
        first, last = proof.events[0].version, proof.events[-1].version
        yield f"They are all events of the stream from version {first} on, to version {last}."
        return
    yield f"Both checkpoints are signed by {signer}."
    yield f"The {proof.first.size} events of the first are the beginning of the {proof.second.size} of the second."
    yield "None of them was changed, removed, moved or put in between since the first was signed."


def _open(proof: "Bundle | Consistency", *, trusted: bool, named: bool) -> Iterator[str]:
    if not trusted:
        yield "Whose key it is: without --key anybody could have made this file, events, tree, key and all."
    elif not named:
        yield "Which ledger it is: a key without a name may have signed others. Give it as name+id+key to tell."
    if isinstance(proof, Bundle):
        if proof.events[0].version:
            yield "Whether the stream has an event of version 0: the records of Flowledger begin with version 1."
        yield f"Whether the stream has events after version {proof.events[-1].version}."
        yield "Whether the clock was right, and the people were who they said they were, when it was recorded."
        yield "Whether the seals of electronic signatures hold: only the server that put them there can tell."
    else:
        yield "What the events are: a bundle of a record shows them."


def _signatures(found: list[tuple[int, bool]]) -> Iterator[str]:
    if found:
        yield ""
        yield "Electronic signatures:"
    for version, fits in found:
        says = "signs this record, at this version, as it was" if fits else "WAS MADE FOR ANOTHER RECORD OR CONTENT"
        yield f"  v{version}: {says}"


def signatures(proof: "Bundle | Consistency") -> list[tuple[int, bool]]:
    """Return the versions that are signed electronically, and whether the signature was made for that very place.

    It names the stream, the version, who acts, and the SHA-256 of the events before it; all four must be as they are.
    """
    found, digest = list[tuple[int, bool]](), sha256()
    for event in proof.events if isinstance(proof, Bundle) else ():
        state = _state(event)
        signature = state.get("signature")
        if isinstance(signature, dict):
            said = [signature.get(name) for name in ("stream", "version", "digest", "signer")]
            wanted = [str(proof[1]), event.version, f"sha256:{digest.hexdigest()}", state.get("actor")]
            found.append((event.version, said == wanted))
        topic = event.topic.encode()
        digest.update(b"%d %d %d\n" % (event.version, len(topic), len(event.state)) + topic + event.state)
    return found


def _words(event: Event) -> str:
    try:
        return f"  {'; '.join(_said(event, _state(event)))}"
    except RecursionError:  # Somebody nested lists in lists to stop us.
        return f"  v{event.version}; position {event.position}; {_plain(event.topic)}; nested too deeply to be told"


def _said(event: Event, state: dict[str, Any]) -> list[str]:
    at = (_EPOCH + timedelta(microseconds=event.recorded_at)).strftime("%Y-%m-%d %H:%M:%S.%fZ")
    who = "the system" if state.get("actor") is None else f"user {_plain(state['actor'])}"
    said = [f"v{event.version}", at, f"position {event.position}", _plain(event.topic), f"by {who}{_source(state)}"]
    before, after = state.get("from_state"), state.get("to_state")
    if after is not None and after != before:
        said.append(f"{_plain(before)} → {_plain(after)}" if before else f"→ {_plain(after)}")
    facts = {name: value for name, value in state.items() if name not in _ENVELOPE}
    said += [f"{_plain(name)}: {_value(value)}" for name, value in facts.items()]
    said += [f"{name}: {_value(state[name])}" for name in ("comment", "reason") if state.get(name) is not None]
    signature = state.get("signature")
    if isinstance(signature, dict):
        who, when, meaning = (_plain(signature.get(name)) for name in ("signer", "at", "meaning"))
        said.append(f"SIGNED by user {who} at {when}, meaning: {meaning}")
    if not state:
        said.append(f"{len(event.state)} bytes that are no JSON object, SHA-256 {sha256(event.state).hexdigest()}")
    return said


_ENVELOPE = frozenset(
    ("actor", "source", "request", "correlation", "causation", "from_state", "to_state", "comment", "reason")
) | {"signature"}


def _source(state: dict[str, Any]) -> str:
    source = state.get("source")
    address = source.get("address") if isinstance(source, dict) else None
    return f" from {_plain(address)}" if address else ""


def _state(event: Event) -> dict[str, Any]:
    """Return what an event says; nothing where it is no JSON object."""
    try:
        value = json.loads(event.state)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _value(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"subject", "purpose", "nonce", "sealed"}:
        return f"({_plain(value['purpose'])} of a person, sealed)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _plain(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def _plain(value: Any) -> str:
    """Return a text on one line in which nothing can steer a terminal."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in str(value))


# The command.


def read_key(given: str) -> Trusted:
    """Return the key of a file, or the key itself: 32 bytes in base64 (checkpoint.pub), or a verifier key."""
    path = Path(given)
    try:
        text = (path.read_text("ascii") if path.is_file() else given).strip()
    except (OSError, ValueError) as error:
        raise Unaskable(f"{given} can not be read: {error}") from None
    try:
        if "+" in text and _KEY.fullmatch(text):
            return Trusted(*_key(text))
        raw = _decoded(text, "it")
    except Refused as error:
        raise Unaskable(f"{given} is no file and no public key: {error}") from None
    if len(raw) != _HASH:
        raise Unaskable(f"{given} is no public key of {_HASH} bytes")
    return Trusted("", raw)


def main(arguments: "list[str] | None" = None) -> int:
    """Check a file; return the exit code."""
    parser = argparse.ArgumentParser(description="Check a proof of a Flowledger ledger, offline.")
    parser.add_argument("proof", help="the file: a bundle of a record's events, or a proof of consistency")
    parser.add_argument(
        "--key", action="append", default=[], help="a public key that you trust: name+id+key, or checkpoint.pub"
    )
    asked = parser.parse_args(arguments)
    try:
        trusted = [read_key(key) for key in asked.key]
        proof = check(_read(asked.proof), trusted)
    except Unaskable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except Refused as error:
        sys.stdout.write(f"REFUSED: {_plain(error)}\n")
        return 1
    fits = all(fits for _, fits in signatures(proof))
    verdict = "VERIFIED" if trusted else "CONSISTENT IN ITSELF; WHO SIGNED IT WAS NOT CHECKED"
    if not fits:
        verdict = "REFUSED: an electronic signature was made for another record, version or content"
    sys.stdout.write("\n".join([verdict, "", *told(proof, trusted), ""]))
    return 0 if fits else 1


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Unaskable(f"{path} can not be read: {error}") from None


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):  # A terminal that knows few letters must not stop it.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
