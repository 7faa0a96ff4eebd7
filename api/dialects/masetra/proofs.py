"""Signed tree heads and what ties them together, for whoever checks the ledger without us."""

from importlib.resources import files

import msgspec

from api.accept import liked
from api.call import Call, NoQuery, fault
from api.dialects.masetra.forms import Page, page_reply
from api.dialects.masetra.proof_shapes import CheckpointOut, CheckpointQuery, ConsistencyQuery, Form
from api.reply import JSON, Reply
from audit import checkpoints
from audit.checkpoints import Kept
from domain.errors import NotFound
from projections.shown import seconds

NOTE = "text/plain"
_FORMS: dict[str, Form] = {NOTE: "note", JSON: "json", "*/*": "json"}


async def list_checkpoints(call: Call) -> Reply:
    """Answer a page of signed tree heads, the newest first."""
    call.require("audit.read")
    query = call.query(Page)
    async with call.doors.pool.connection() as connection:
        count, found = await checkpoints.page(connection, call.doors.vault.keys, query.size, query.offset)
    return page_reply(call, query, count, b",".join(msgspec.json.encode(_out(one)) for one in found))


async def get_checkpoint(call: Call) -> Reply:
    """Answer one signed tree head; as the signed note itself where that is asked for."""
    call.require("audit.read")
    size = call.path_id("size")
    async with call.doors.pool.connection() as connection:
        found = await checkpoints.of_size(connection, call.doors.vault.keys, size)
    if found is None:
        raise NotFound(f"No checkpoint covers {size} events.")
    preferred: Form = liked(call.headers.get("accept", ""), _FORMS, "json")
    if (call.query(CheckpointQuery).format or preferred) == "note":
        return Reply(body=found.note.encode(), media_type=f"{NOTE}; charset=utf-8")
    return Reply(body=msgspec.json.encode(_out(found)))


async def prove_consistency(call: Call) -> Reply:
    """Answer the proof that one signed tree is the beginning of another."""
    call.require("audit.read")
    query = call.query(ConsistencyQuery)
    try:
        body = await call.doors.proofs.consistency(query.first, query.second)
    except ValueError as error:
        raise fault("first", str(error)) from error
    name = "consistency-" + "-".join(str(size) for size in (query.first, query.second) if size)
    return _file(body, f"{name.rstrip('-')}.json", JSON)


async def get_verifier(call: Call) -> Reply:
    """Answer the program that checks proofs, to whoever is signed in: it holds nothing of ours."""
    call.query(NoQuery)
    program = (files("audit") / "verifier.py").read_bytes()
    return _file(program, "flowledger-verifier.py", "text/x-python; charset=utf-8")


def _file(body: bytes, name: str, media_type: str) -> Reply:
    disposition = ("Content-Disposition", f'attachment; filename="{name}"')
    return Reply(body=body, media_type=media_type, headers=(disposition,))


def _out(kept: Kept) -> CheckpointOut:
    signed = kept.signed
    return CheckpointOut(
        size=kept.size,
        origin=signed and signed.origin,
        root=signed and signed.root.hex(),
        key=signed and signed.key,
        created_at=seconds(kept.created_at),
        note=kept.note,
    )
