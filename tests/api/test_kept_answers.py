"""Answers that are kept, when somebody is erased whom they show: one pass for all, and none where nobody was."""

from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from api import kept_answers
from api.kept_answers import Unnaming, answer_context
from api.reply import Reply
from ledger.keys import Keys
from ledger.vault import Vault
from tests.support.database import Database

pytestmark = pytest.mark.anyio


async def keep(connection: psycopg.AsyncConnection[Any], vault: Vault, key: str, *shown: int) -> None:
    body = msgspec.json.encode([{"id": user, "username": f"name{user}"} for user in shown])
    sealed = vault.seal(msgspec.msgpack.encode(Reply(body=body)), answer_context(9, key))
    await connection.execute("INSERT INTO ops.answers VALUES (9, %s, '', %s)", (key, sealed))


async def names(connection: psycopg.AsyncConnection[Any], vault: Vault) -> dict[str, list[str]]:
    rows = await (await connection.execute("SELECT key, answer FROM ops.answers")).fetchall()
    opened = {
        key: msgspec.msgpack.decode(vault.open(bytes(sealed), answer_context(9, key)), type=Reply)
        for key, sealed in rows
    }
    return {key: [one["username"] for one in msgspec.json.decode(reply.body)] for key, reply in opened.items()}


async def test_all_who_were_erased_are_seen_to_in_one_pass_and_only_once(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, passes, pass_over = Vault(Keys(tmp_path)), list[set[int]](), kept_answers.unname

    async def counted(connection: Any, vault: Vault, users: Any) -> None:
        passes.append(set(users))
        await pass_over(connection, vault, users)

    monkeypatch.setattr(kept_answers, "unname", counted)
    async with await psycopg.AsyncConnection.connect(database.owner_dsn, autocommit=True) as connection:
        await keep(connection, vault, "both", 1, 2, 3)
        await keep(connection, vault, "none", 3)
        erased = (
            "INSERT INTO ops.erasures (user_id, stream, subject, begun_at) VALUES (%s, %s, %s, now() - %s::interval)"
        )
        for user in (1, 2):
            await connection.execute(erased, (user, UUID(int=user), UUID(int=user), "2 hours"))
        unnaming = Unnaming()
        await unnaming.sweep(connection, vault)
        assert await names(connection, vault) == {
            "both": ["erased user 1", "erased user 2", "name3"],
            "none": ["name3"],
        }
        await unnaming.sweep(connection, vault)
        assert passes == [{1, 2}]
        await connection.execute(erased, (3, UUID(int=3), UUID(int=3), "1 minute"))
        await unnaming.sweep(connection, vault)
        assert passes == [{1, 2}, {3}]
        assert (await names(connection, vault))["none"] == ["erased user 3"]
