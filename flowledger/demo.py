"""A believable data set, loaded through the API itself: every rule holds for it, every signature is one."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast
from uuid import UUID

import httpx
import msgspec

from api.app import make_app
from api.auth import made_up, password_hash_of, user_id_of
from api.doors import Doors
from api.sessions import Seen, end_one
from domain.errors import Conflict, NotFound, Unavailable
from domain.events import stream_id
from domain.platform.users import USERS
from domain.quality.deviation_facts import DeviationCreated
from flowledger.administrator import NAME, reset_password
from flowledger.serving import make_doors
from flowledger.settings import Settings
from ledger.read import read_stream

_PEOPLE = (
    ("qm.okello", "Grace", "Okello", ("quality_manager",), ""),
    ("head.production", "Daniel", "Achieng", ("department_head",), "Production"),
    ("head.laboratory", "Miriam", "Nansubuga", ("department_head",), "Quality Control"),
    ("head.warehouse", "Peter", "Mugisha", ("department_head",), "Warehouse"),
    ("director", "Ruth", "Kato", ("management",), ""),
    ("qa.lule", "Samuel", "Lule", ("qa_specialist",), ""),
    ("qa.atim", "Joan", "Atim", ("qa_specialist",), ""),
    ("operator.one", "Brian", "Ssali", ("user",), "Production"),
    ("analyst.one", "Esther", "Namara", ("user",), "Quality Control"),
    ("auditor", "Helen", "Byaruhanga", ("auditor",), ""),
)
_STORIES = (
    ("Balance out of calibration", "EQUIPMENT", "Quality Control", "Balance B-114 was 0.8 mg off at the daily check."),
    ("Temperature excursion in cold store", "ENVIRONMENTAL", "Warehouse", "Cold store 2 was at 9.4 °C for 42 minutes."),
    ("Wrong label on intermediate", "PROCEDURAL", "Production", "Drum 7 carried the label of the previous batch."),
    ("Yield below the limit", "MATERIAL", "Production", "The yield of the granulation was 91.2 %, limit 94 %."),
    (
        "Sample not taken in time",
        "PROCEDURAL",
        "Quality Control",
        "The 6-month stability sample was taken 9 days late.",
    ),
    ("Filter integrity test failed", "EQUIPMENT", "Production", "The post-use bubble point was below the limit."),
    ("Unknown peak in chromatogram", "MATERIAL", "Quality Control", "A peak at 11.3 minutes is not in the reference."),
    (
        "Pallet without status label",
        "OTHER",
        "Warehouse",
        "A pallet of excipient stood in the released area unlabelled.",
    ),
)


#: What a load's requests are known by: a user whose first event bears it was made by one.
_MARK = "flowledger-demo"
_REPORTERS = ("operator.one", "analyst.one")
_REPORTED = """
    SELECT count(*) FROM ledger.events
    WHERE topic = %s AND (convert_from(state, 'UTF8')::json ->> 'actor')::bigint = ANY (%s)
"""


class Loaded(NamedTuple):
    """What was loaded; the users, also those who were there, share one password, made up for this run."""

    usernames: list[str]
    password: str
    deviations: int


async def load(settings: Settings, url: str, deviations: int, progress: Callable[[int, int], None]) -> Loaded:
    """Load what is missing of the users and of so many deviations, all of it or what an interrupted load left.

    Raises NotFound without an administrator, Conflict where nothing is missing and where a name is somebody else's,
    Unavailable where the API refuses.
    """
    settings = msgspec.structs.replace(settings, read_wait_seconds=0.0, rate_limit=False)
    doors = make_doors(settings, url)
    await doors.start()
    try:
        await doors.learn()
        transport = httpx.ASGITransport(cast("Any", make_app(doors)))
        async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
            demo = _Demo(client, doors, url, random.Random(1))  # noqa: S311 - a story, no secret
            try:
                return await demo.run(deviations, progress)
            finally:
                await demo.leave()
    except httpx.HTTPError as error:
        raise Unavailable(f"The demonstration was not loaded to its end: {_sentence(error)}") from error
    finally:
        await doors.stop()


def _sentence(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.request.method} {error.request.url.path} was answered with {error.response.status_code}."
    return str(error)


class _Demo:
    def __init__(self, client: httpx.AsyncClient, doors: Doors, url: str, chance: random.Random) -> None:
        self._client = client
        self._doors = doors
        self._url = url
        self._chance = chance
        self._password = made_up(doors.standing.settings)
        self._ids: dict[str, int] = {}
        self._sessions: dict[int, UUID] = {}

    async def run(self, deviations: int, progress: Callable[[int, int], None]) -> Loaded:
        missing = deviations - await self._found()
        there = set(self._ids)
        await self._check_ours()
        if missing <= 0 and all(person[0] in there for person in _PEOPLE):
            raise Conflict("The demonstration data are there already.")
        total = len(_PEOPLE) + max(missing, 0)
        for done, (username, first, last, roles, department) in enumerate(_PEOPLE, 1):
            if username in there:
                await reset_password(self._url, self._doors.vault.keys, username, self._password)
            else:
                given = {"first_name": first, "last_name": last, "roles": roles, "department": department}
                made = await self._ask(
                    NAME, "POST", "/api/users/", {"username": username, "password": self._password, **given}
                )
                self._ids[username] = made["id"]
            progress(done, total)
        for done in range(missing):
            await self._deviation()
            progress(len(_PEOPLE) + done + 1, total)
        return Loaded([person[0] for person in _PEOPLE], self._password, max(missing, 0))

    async def _found(self) -> int:
        """Learn the ids of the users that are there; return how many deviations they have reported."""
        keys = self._doors.vault.keys
        async with self._doors.pool.connection() as connection:
            for username in (NAME, *(person[0] for person in _PEOPLE)):
                found = await user_id_of(connection, keys, username)
                if found is not None:
                    self._ids[username] = found
            reporters = [self._ids[username] for username in _REPORTERS if username in self._ids]
            cursor = await connection.execute(_REPORTED, (DeviationCreated.topic, reporters))
            row = await cursor.fetchone()
        if NAME not in self._ids:
            raise NotFound("There is no administrator yet; run `flowledger up` or `flowledger migrate` first.")
        return int(row[0]) if row else 0

    async def _check_ours(self) -> None:
        """Raise Conflict where a name of ours is that of a user whom no demonstration made: his password is his."""
        strange = []
        async with self._doors.pool.connection() as connection:
            for username in (person[0] for person in _PEOPLE if person[0] in self._ids):
                rows = await read_stream(connection, stream_id(USERS.kind, self._ids[username]))
                if self._doors.codec.recorded(rows)[0].event.correlation != _MARK:
                    strange.append(username)
        if strange:
            raise Conflict(f"There are users whom no demonstration made: {', '.join(strange)}. Nothing was changed.")

    async def _deviation(self) -> None:
        """Tell one deviation's story, up to a chance point of it."""
        title, category, department, description = self._chance.choice(_STORIES)
        reporter = self._chance.choice(_REPORTERS)
        made = await self._ask(
            reporter,
            "POST",
            "/api/deviations/",
            {
                "title": title,
                "description": description,
                "category": category,
                "department": department,
                "classification": self._chance.choices(("MINOR", "MAJOR", "CRITICAL"), (5, 4, 1))[0],
                "priority": self._chance.choice(("LOW", "MEDIUM", "HIGH")),
                "related_batch": f"B{self._chance.randint(24000, 24999)}",
            },
        )
        path, classification = f"/api/deviations/{made['id']}/", made["classification"]
        steps = self._story(path, department, classification)
        for who, method, where, body in steps[: self._chance.randint(0, len(steps))]:
            await self._ask(who, method, where, body)

    def _story(self, path: str, department: str, classification: str) -> list[tuple[str, str, str, dict[str, Any]]]:
        investigator = self._chance.choice(("qa.lule", "qa.atim"))
        head = {"Production": "head.production", "Warehouse": "head.warehouse"}.get(department, "head.laboratory")
        fire = f"{path}transition/"
        signed = {"password": self._password, "meaning": "I have reviewed this record and approve it."}
        found = {
            "root_cause_analysis": "The step was not described clearly enough in the procedure.",
            "investigation_method": self._chance.choice(("FIVE_WHYS", "FISHBONE", "CHECKLIST")),
            "findings": "No effect on released material; the procedure is revised and the staff trained.",
        }
        story: list[tuple[str, str, str, dict[str, Any]]] = [
            ("qm.okello", "POST", fire, {"transition": "assign_investigator", "investigator": self._ids[investigator]}),
            (investigator, "PUT", f"{path}investigation/", found),
            (investigator, "POST", fire, {"transition": "submit_investigation"}),
            (head, "POST", fire, {"transition": "approve_department", "signature": signed}),
        ]
        if classification != "MINOR":
            story.append(("qm.okello", "POST", fire, {"transition": "approve_qa", "signature": signed}))
        if classification == "CRITICAL":
            story.append(("director", "POST", fire, {"transition": "approve", "signature": signed}))
        story.append(("qm.okello", "POST", fire, {"transition": "close", "signature": signed}))
        return story

    async def _ask(self, who: str, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {await self._token(self._ids[who])}", "X-Correlation-ID": _MARK}
        response = await self._client.request(method, path, json=body, headers=headers)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    async def _token(self, user: int) -> str:
        """Return an access token for a request, of a session that nobody had to sign in for."""
        if user not in self._sessions:
            async with self._doors.pool.connection() as connection:
                stored = await password_hash_of(connection, user)
                begun = await self._doors.sessions.begin(connection, user, stored or "", Seen(None, "flowledger demo"))
            if begun is None:
                raise Unavailable(f"User {user} can not sign in.")
            self._sessions[user] = begun.session
        return self._doors.tokens.access(user, self._sessions[user], datetime.now(UTC) + timedelta(minutes=1))

    async def leave(self) -> None:
        """End the sessions that were begun."""
        async with self._doors.pool.connection() as connection:
            for user, session in self._sessions.items():
                end = end_one(user, session)
                await connection.execute(end.sql, end.parameters)
