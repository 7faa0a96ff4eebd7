"""The page of proofs: their bytes, explained, with one of each kind made by the code itself."""

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import bundle, verifier
from audit.checkpoints import Signed
from domain.events import stream_id
from flowledger.reference.markdown import table
from ledger.merkle import Tree, leaf_hash
from ledger.note import origin_of, sign, verifier_key
from ledger.proofs import Part, consistency, fold, inclusion, levels
from ledger.rows import Row, row_hash

_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_LEDGER: Final = UUID(int=1)
_ROW: Final = Row(
    2,
    stream_id("deviation", 1),
    1,
    "deviation.created",
    b'{"actor":3,"to_state":"OPEN","id":1,"number":"DEV-2026-0001","title":"Wrong label"}',
    datetime(2026, 1, 5, 9, 30, 0, 123456, UTC),
)
_TEXT: Final = """\
# Proofs, byte for byte

A **bundle** proves that the events of one record are in the ledger as it was signed: the record's events, an inclusion
proof of each, one signed checkpoint and the public key of who signed it. `flowledger audit prove STREAM` and
`GET …/proof/` give it. A **proof of consistency** proves that one signed tree is the beginning of another:
`flowledger audit consistency` and `GET /api/audit/consistency/` give it. Both are checked offline by one Python file,
from `flowledger audit verifier` or `GET /api/audit/verifier/`; what is written here is enough to write another one.

    pip install cryptography
    python flowledger-verifier.py proof.json --key name+id+key

It exits with 0 where the proof holds, 1 where it is refused, 2 where the file or a key could not be read. `--key` takes
the verifier key of the ledger, as `key` holds it below, or `keys/checkpoint.pub` of the server, and may be given more
than once. `checkpoint.pub` has no name with it: whatever ledger that key signs is then taken, and the verifier lists
under what is not established which one it is. **Have the key from elsewhere than the proof**: without one it is said
that the proof is consistent in itself, which anybody can bring about who makes events, tree and key all anew. A program
that asks for the exit code always gives `--key`.

## The file

One JSON object, written as RFC 8785 says: UTF-8, no white space, keys in the order of their code units, text escaped
only where JSON demands it, nothing before or after it. There are no numbers but whole ones from 0 to 2^53 - 1. Base64
is that of RFC 4648 § 4, padded, with no bits left over. What is written in any other way is refused, so that no byte of
a proof can change: each is a part of what is proved, or of how it must be written.

## A bundle

{bundle}

Each of `events`, in the order of their versions:

{event}

Versions rise by one and begin with 0 or 1; positions rise. So no event is left out between the first and the last; that
there is none after it is not proved. The records of Flowledger begin with version 1. A stream of another program on the
same ledger may begin with 0: a bundle that begins with 1 does not prove that it has no version 0.

## The leaf

What the tree covers of an event is SHA-256 over the byte 0x00 and these, one after the other; whole numbers are
big-endian and signed, but for the length:

{leaf}

## The tree

That of RFC 6962 § 2.1: a node is SHA-256(0x01 ‖ left ‖ right). `proof` is PATH(position - 1, D[size]) of § 2.1.1, the
leaf's own sibling first; RFC 9162 § 2.1.3.2 says how it is checked. It has no more hashes than ⌈log2 size⌉.

## The checkpoint

A signed note ([c2sp.org/signed-note](https://c2sp.org/signed-note)) with a checkpoint in it
([c2sp.org/tlog-checkpoint](https://c2sp.org/tlog-checkpoint)), so that other tools of transparency logs read it. Its
lines, each ended by one line feed: the origin, which names the ledger; the size; the root in base64; an empty line; and
one signature: an em dash (U+2014), a space, the origin again, a space, and the base64 of the key id (4 bytes) and the
Ed25519 signature (64 bytes) over the first three lines with their ends.

`key` is the verifier key of that note: origin `+` key id in lower-case hex `+` base64 of the byte 0x01 and the 32 bytes
of the public key. The key id is the first 4 bytes of SHA-256(origin ‖ 0x0A ‖ 0x01 ‖ public key). `checkpoint.pub` holds
the 32 bytes alone, in base64.

## A proof of consistency

{consistency}

`proof` is PROOF(first size, D[second size]) of RFC 6962 § 2.1.2, checked as RFC 9162 § 2.1.4.2 says; it is empty where
both sizes are the same, and then the roots are.

## What a bundle proves, and what it does not

- The events are, byte for byte, at these places and times, in the ledger that the checkpoint covers. Who rewrites the
  whole database can't make a checkpoint over it without the signing key.
- Personal data is sealed in the stored bytes: a bundle proves it and does not show it, also once a person is erased.
- An electronic signature in an event names its stream, version and signer, and the SHA-256 of the events before it: the
  verifier compares all four. Its seal is an HMAC of the server's, which only the server can check:
  `GET …/history/` says whether it holds.
- A forger who has the signing key, or who was the server from the first event on, is not found by a bundle, but by a
  checkpoint that somebody kept: ask for the proof of consistency between that one and today's.

## Examples

The signing key of these is the 32 bytes 0, 1, … 31; its `checkpoint.pub` is
`{public}`. The stored bytes of the event are:

{state}

A bundle of that event, at position 2 of a ledger of three, the others of which are the texts `first` and `third`:

{a_bundle}

The proof that the first two began the three:

{a_consistency}
"""


def proofs_page() -> str:
    """Return the page."""
    leaves = [leaf_hash(b"first"), row_hash(_ROW), leaf_hash(b"third")]
    made = bundle.bundle_document(_signed(leaves), _ROW.originator_id, [_ROW], _hashes(leaves, inclusion(1, 3)))
    consistent = bundle.consistency_document(_signed(leaves[:2]), _signed(leaves), _hashes(leaves, consistency(2, 3)))
    return _TEXT.format(
        bundle=table(["field", "type", "what it is"], _BUNDLE),
        event=table(["field", "type", "what it is"], _EVENT),
        leaf=table(["bytes", "what they are"], _LEAF),
        consistency=table(["field", "type", "what it is"], _CONSISTENCY),
        public=b64encode(_KEY.public_key().public_bytes_raw()).decode(),
        state=_block(_ROW.state),
        a_bundle=_block(bundle.written(made)),
        a_consistency=_block(bundle.written(consistent)),
    )


_BUNDLE: Final = [
    ["`checkpoint`", "text", "the signed note, below"],
    ["`events`", "array", "one or more, below"],
    ["`format`", "text", f"`{verifier.BUNDLE}`"],
    ["`key`", "text", "the verifier key of who signed the note, below"],
    ["`stream`", "text", "the record's stream, a UUID in lower case"],
]
_EVENT: Final = [
    ["`position`", "whole number", "its place in the ledger, from 1"],
    ["`proof`", "array of text", "the inclusion proof: hashes of 32 bytes, in base64"],
    ["`recorded_at`", "whole number", "when it was recorded: microseconds since 1970-01-01 UTC"],
    ["`state`", "text", "the stored bytes, in base64: JSON, with what `events.md` says of the topic"],
    ["`topic`", "text", "the name of the fact"],
    ["`version`", "whole number", "its place in the stream"],
]
_LEAF: Final = [
    ["8", "position"],
    ["16", "stream, the UUID's bytes"],
    ["8", "version"],
    ["8", "recorded_at"],
    ["4", "length of the topic in bytes"],
    ["as many", "topic, UTF-8"],
    ["the rest", "state"],
]
_CONSISTENCY: Final = [
    ["`first`", "object", "`checkpoint` and `key` of the smaller tree, as in a bundle"],
    ["`format`", "text", f"`{verifier.CONSISTENCY}`"],
    ["`proof`", "array of text", "hashes of 32 bytes, in base64"],
    ["`second`", "object", "`checkpoint` and `key` of the larger tree, of the same origin"],
]


def _signed(leaves: list[bytes]) -> Signed:
    tree = Tree()
    tree.extend(leaves)
    origin = origin_of(_LEDGER)
    return Signed(*sign(origin, tree.size, tree.root(), _KEY), verifier_key(origin, _KEY.public_key()))


def _hashes(leaves: list[bytes], parts: Iterable[Part]) -> dict[Part, bytes]:
    made = levels(leaves)
    return {part: fold([made[node.level][node.number] for node in part]) for part in parts}


def _block(content: bytes) -> str:
    return f"```json\n{content.decode()}\n```"
