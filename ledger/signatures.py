"""Whether electronic signatures hold where they stand: the one place that tells, for answers, copies and checks."""

import hmac
from collections.abc import Mapping, Sequence

from domain.events import Signature
from ledger.codec import Codec
from ledger.read import StreamDigest
from ledger.rows import Row

#: How a signature is named in an event's bytes. Where bytes were written in any other way than ours, none holds.
_SIGNED = b'"signature":'


def standing(codec: Codec, rows: Sequence[Row]) -> Mapping[int, bool]:
    """Tell of each signed event of a stream, by its version, whether its signature holds there.

    rows: the stream from its first event on, in order. A signature holds where its seal is that of the very event, the
    signer is who acted, and stream, version and the events before are those that it was given for. One hash over the
    stream, whatever the number of signatures. A version that is not told of has no signature that holds.
    """
    told = {}
    before = StreamDigest()
    for row in rows:
        if _SIGNED in row.state:
            event = codec.decode(row.topic, row.state)
            if event is not None and event.signature is not None:
                told[row.originator_version] = _in_place(event.signature, row, before) and codec.holds(event)
        before.add(row)
    return told


def _in_place(signature: Signature, row: Row, before: StreamDigest) -> bool:
    return (
        signature.stream == row.originator_id
        and signature.version == row.originator_version
        and hmac.compare_digest(signature.digest, before.text())
    )
