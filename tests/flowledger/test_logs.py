"""Logs: one structured line an event, whoever wrote it, and no secret in any of them."""

import io
import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from flowledger import logs
from flowledger.redact import MASK, redacted, redacted_path, redacted_text

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave the process's logging as each test found it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def stream() -> io.StringIO:
    target = io.StringIO()
    logs.configure("info", "json", target)
    return target


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_time_level_logger_and_context(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("api.doors").info("request.done", status=200)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "api.doors",
        "event": "request.done",
        "request_id": "r-1",
        "status": 200,
    }


def test_the_standard_library_logs_through_the_same_chain(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("slow %s", "start")
    (line,) = lines(stream)
    assert (line["level"], line["logger"], line["event"]) == (
        "warning",
        "uvicorn.error",
        "slow start",
    )


def test_an_exception_is_written_with_its_trace(stream: io.StringIO) -> None:
    try:
        raise ValueError("password=hunter22")
    except ValueError:
        structlog.get_logger("a").exception("broke")
        logging.getLogger("b").exception("broke too")
    for line in lines(stream):
        assert "ValueError" in line["exception"]
        assert "hunter22" not in line["exception"]


def test_a_library_with_handlers_of_its_own_does_not_write_past_ours() -> None:
    past = io.StringIO()
    library = logging.getLogger("some.library")
    library.addHandler(logging.StreamHandler(past))
    library.propagate = False
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    library.error("here")
    assert past.getvalue() == ""
    assert lines(stream)[0]["event"] == "here"


def test_what_is_below_the_level_is_not_written(stream: io.StringIO) -> None:
    logs.configure("warning", "json", stream)
    structlog.get_logger("a").info("no")
    logging.getLogger("b").info("no")
    structlog.get_logger("a").warning("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_the_state_machines_steps_are_not_logged_at_info(stream: io.StringIO) -> None:
    logging.getLogger("transitions.core").info("Executed callback")
    assert lines(stream) == []


def test_the_console_form_is_for_reading() -> None:
    stream = io.StringIO()
    logs.configure("info", "console", stream)
    structlog.get_logger("a").info("request.done", token="hunter22", status=200)
    assert "request.done" in stream.getvalue()
    assert "status=200" in stream.getvalue()
    assert "hunter22" not in stream.getvalue()


def test_without_a_terminal_the_form_is_json() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    structlog.get_logger("a").info("x")
    assert lines(stream)[0]["event"] == "x"


def test_whatever_is_logged_gives_a_line(stream: io.StringIO) -> None:
    structlog.get_logger("a").info("odd \ud800", thing=object(), nan=float("nan"), key={1: {2}})
    (line,) = lines(stream)
    assert line["key"] == {"1": [2]}


def test_a_childs_json_line_keeps_its_own_fields(stream: io.StringIO) -> None:
    written = {"timestamp": "T", "level": "error", "logger": "api", "event": "100% of %s", "n": 1}
    logs.forward("api-1", json.dumps(written).encode())
    assert lines(stream) == [{**written, "process": "api-1"}]


def test_a_childs_other_lines_are_wrapped(stream: io.StringIO) -> None:
    logs.forward("worker", b"Segmentation fault \xff\r\n")
    logs.forward("worker", b"")
    logs.forward("worker", b"[1, 2]")
    first, second = lines(stream)
    assert (first["process"], first["event"]) == ("worker", "Segmentation fault \\xff")
    assert second["event"] == "[1, 2]"


@pytest.mark.parametrize(
    "line",
    [
        b'{"self": 1, "method_name": 2, "event": {"a": 1}, "level": ["x"], "logger": {}, "exc_info": "x"}',
        b'{"event": null, "stack_info": true, "exc_info": [1, 2, 3], "positional_args": 1, "": 0}',
        b'{"timestamp":"\xff"}',
        b'{"event": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
    ids=["names of parameters", "odd values", "not UTF-8", "deep"],
)
def test_whatever_a_child_writes_is_forwarded(stream: io.StringIO, line: bytes) -> None:
    logs.forward("api-1", line)
    (written,) = lines(stream)
    assert written["process"] == "api-1"


@given(st.dictionaries(st.sampled_from(["self", "event", "level", "logger", "exc_info", "a"]) | st.text(), _JSON))
def test_no_object_of_a_child_is_refused(fields: dict[str, Any]) -> None:
    target = io.StringIO()
    logs.configure("debug", "json", target)
    logs.forward("api-1", json.dumps(fields).encode())
    json.loads(target.getvalue().removesuffix("\n"))
    assert target.getvalue().count("\n") == 1


def test_an_output_that_is_gone_ends_no_forwarding(stream: io.StringIO) -> None:
    stream.close()
    logs.forward("api-1", b"a line")


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "Authorization",
        "access_token",
        "client-secret",
        "set-cookie",
        "otp",
        "tokens",
        "API_KEY",
        "credentials",
    ],
)
def test_a_field_with_a_secrets_name_is_masked_at_any_depth(name: str) -> None:
    assert redacted({"a": [{name: "hunter22"}]}) == {"a": [{name: MASK}]}


@pytest.mark.parametrize("name", ["token_id", "password_changed_at", "secretary", "note", "robotop"])
def test_a_field_that_only_sounds_like_a_secret_is_kept(name: str) -> None:
    assert redacted({name: "plain"}) == {name: "plain"}


@pytest.mark.parametrize(
    "text",
    [
        "refused wop_hunter22abc here",
        "secret whsec_hunter22abc/+= here",
        "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyMiJ9.hunter22",
        "sent Authorization: Token hunter22hunter22",
        "sent Bearer hunter22hunter22",
        "sent Basic aHVudGVyMjI=hunter22",
        "connect postgresql://app:hunter22@db:5432/x failed",
        "connect amqp://guest:hunter22@rabbit// failed",
        "dsn host=db password=hunter22 user=me",
        "dsn host=db password='hunter22 x' user=me",
        'body {"username": "a", "password": "hunter22\\" b"}',
        "call: {'refresh_token': 'hunter22'}",
        "GET /reset?token=hunter22&x=1",
        "GET /hooks/hunter22AbCdEfGhIjKlMnOpQ/run HTTP/1.1",
        "went to https://h.example.com/t/hunter22AbCdEfGhIjKlMnOpQ",
    ],
)
def test_secrets_within_texts_are_masked(text: str) -> None:
    assert "hunter22" not in redacted_text(text)
    assert MASK in redacted_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "basic authentication is on",
        "token verification failed",
        "GET /api/deviations/7/transitions/ HTTP/1.1",
        "GET /api/audit/corrective-actions-overdue-2026/ HTTP/1.1",
        "https://h.example.com/v1/events/1f0e9a4c-6a0b-4f5e-9d53-0d6a7a3c2b11/proof",
        'File "/srv/app2/site-packages/some_module_of_2026a.py", line 3',
        "password must have at least 8 characters",
    ],
)
def test_ordinary_texts_are_kept(text: str) -> None:
    assert redacted_text(text) == text


@given(st.text("0123456789abcdefABCDEF_-", min_size=20, max_size=60))
def test_masking_a_path_twice_changes_nothing_more(segment: str) -> None:
    once = redacted_path(f"/hooks/{segment}/x")
    assert redacted_path(once) == once


@pytest.mark.parametrize("piece", ["x", "eyJ", "eyJ-", "token ", "://", "password", '"', "/a", "'="])
def test_a_very_long_text_is_no_trouble(piece: str) -> None:
    text = piece * 100_000
    assert len(redacted_text(text)) <= len(text)


@given(st.uuids(), st.integers(0))
def test_ids_in_paths_are_kept(identity: uuid.UUID, number: int) -> None:
    path = f"/api/things/{identity}/parts/{number}"
    assert redacted({"path": path}) == {"path": path}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_can_be_redacted(value: object) -> None:
    redacted(value)
