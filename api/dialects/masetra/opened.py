"""The CAPA that closing a deviation opens: the answer waits for it, and carries it."""

from typing import Any

import msgspec
import structlog

from api import records
from api.actions import load
from api.call import Call
from api.dialects.masetra.resources import CAPA
from api.reply import Reply, etag_version
from domain.events import stream_id
from domain.quality.capa import CAPAS
from domain.quality.deviation import DEVIATIONS
from projections.follow_ups import CONSUMER, follow_up_id, made_by

log = structlog.get_logger(__name__)


async def with_capa(call: Call, reply: Reply) -> Reply:
    """Return the answer to a change with the CAPA that it asked for, or null where that takes too long to come."""
    version = etag_version(reply.etag)
    if version is None or call.body.raw.get("open_capa") is None:
        return reply
    try:
        return await _completed(call, reply, version)
    except Exception as error:  # noqa: BLE001 - what is committed is answered as committed
        log.warning("follow_up_not_shown", deviation=call.record_id, error=repr(error))
        return reply


async def _completed(call: Call, reply: Reply, version: int) -> Reply:
    doors = call.doors
    await doors.passed(CONSUMER, reply.position)
    follow_up = follow_up_id(stream_id(DEVIATIONS.kind, call.record_id), version, CAPAS.kind)
    async with doors.pool.connection() as connection:
        number = await made_by(connection, follow_up)
    if number is None:
        return reply
    loaded = await load(call, CAPAS, number)
    position = loaded.rows[-1].position
    await doors.passed("capas", position)
    async with doors.pool.connection() as connection:
        around = await records.around(CAPA, call, connection, loaded.record)
    shown: dict[str, Any] = msgspec.to_builtins(CAPA.detail(loaded.record, around))
    link = {name: shown[name] for name in ("id", "capa_number", "title", "status")}
    answered = msgspec.json.decode(reply.body)
    answered |= {"open_capa": shown, "capas": [*[one for one in answered["capas"] if one["id"] != number], link]}
    return msgspec.structs.replace(reply, body=msgspec.json.encode(answered), position=max(reply.position, position))
