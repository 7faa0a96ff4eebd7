"""Structured logs on stderr: one line an event, from structlog and the standard library alike."""

import json
import logging
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from flowledger.redact import redacted

# Libraries that tell every step, or every request with its URL, at INFO.
_TALKATIVE: Final = ("transitions", "httpx", "httpcore", "pika")

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_FIRST: Final = ("timestamp", "level", "logger", "event")
# How every line in JSON begins that is written here.
_OURS: Final = b'{"timestamp":"'
# Names of structlog's own parameters, and what it takes for an exception or a stack of ours.
_PARAMETERS: Final = frozenset({"self", "level", "event", "method_name", "exc_info", "stack_info"})


def configure(level: str = "info", form: str | None = None, stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream` (stderr), in the form `json` or `console`.

    Without `form`, a terminal gets `console` and anything else `json`. May be called again.
    """
    target = stream or sys.stderr
    console = form == "console" or (form is None and target.isatty())
    output = _Output(target)
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _name,
        _stamp,
        structlog.processors.format_exc_info,
        _redact,
        _console(target) if console else _to_json,
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=output.logger,
        cache_logger_on_first_use=False,
    )
    _route_standard_library(_LEVELS[level])


def forward(process: str, line: bytes) -> None:
    """Log a line that a child process wrote: its fields if it is a JSON object, else as an event.

    What the child says of the time and the level stays; `process` is added to it. Whatever the line holds, and
    whatever becomes of our own stderr, nothing is raised: the child must not block on it.
    """
    try:
        _forward(process, line)
    except Exception:  # noqa: BLE001 - a line of a shape that nobody thought of is logged as the text that it is
        with suppress(Exception):
            _forward_text(process, line)


def _forward(process: str, line: bytes) -> None:
    settings = structlog.get_config()
    if line.startswith(_OURS) and line.endswith(b"}") and settings["processors"][-1] is _to_json:
        # A line of ours is redacted already and in the form that is asked for: thousands a second may come.
        settings["logger_factory"](process).msg(f'{line[:-1].decode()},"process":"{process}"}}')
        return
    try:
        fields = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        _forward_text(process, line)
        return
    level = _LEVELS.get(str(fields.pop("level", "info")), logging.INFO)
    event = str(fields.pop("event", ""))
    name = str(fields.pop("logger", process))
    fields.setdefault("process", process)
    given = {f"{key}_" if key in _PARAMETERS else key: value for key, value in fields.items()}
    structlog.get_logger(name).log(level, "%s", event, **given)


def _forward_text(process: str, line: bytes) -> None:
    if text := line.decode("utf-8", "backslashreplace").rstrip():
        structlog.get_logger(process).info("%s", text, process=process)


class _Output:
    """Writes whole lines to one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def logger(self, *arguments: object) -> "_Logger":
        """What structlog writes to; the first argument of `get_logger` is its name."""
        return _Logger(self, str(arguments[0]) if arguments else "")

    def write(self, line: str) -> None:
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()


class _Logger:
    """The end of structlog's chain: one line to the output, whatever the level."""

    def __init__(self, output: _Output, name: str) -> None:
        self.name = name
        self._output = output

    def msg(self, line: str) -> None:
        self._output.write(line)

    debug = info = warning = error = critical = exception = fatal = warn = log = msg


class _Handler(logging.Handler):
    """Hands the standard library's records to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = {"exc_info": record.exc_info} if record.exc_info else {}
            logger = structlog.get_logger(record.name)
            logger.log(record.levelno // 10 * 10 or 10, "%s", record.getMessage(), **fields)
        except Exception:  # noqa: BLE001 - as every handler of the library does
            self.handleError(record)


def _route_standard_library(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [_Handler()]
    root.setLevel(level)
    for name, logger in logging.root.manager.loggerDict.items():
        # A library that set up its own handlers, as uvicorn does, must not write past ours.
        if isinstance(logger, logging.Logger) and not name.startswith("_"):
            logger.handlers = []
            logger.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)


def _name(logger: WrappedLogger, _: str, event: EventDict) -> EventDict:
    if name := getattr(logger, "name", ""):
        event.setdefault("logger", name)
    return event


def _stamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The time, unless the event brings its own."""
    if "timestamp" not in event:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        event["timestamp"] = now.replace("+00:00", "Z")
    return event


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {name: redacted(value, name) for name, value in event.items()}


def _to_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    ordered = {name: event.pop(name) for name in _FIRST if name in event} | dict(event)
    try:
        return msgspec.json.encode(ordered).decode()
    except (TypeError, ValueError):  # half a surrogate pair, a number that no JSON holds
        return json.dumps(ordered, default=repr)


def _console(stream: TextIO) -> Processor:
    return structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
