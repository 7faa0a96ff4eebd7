"""What follows an attempt."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.webhooks.schedule import (
    DELIVERED,
    FAILED,
    JITTER,
    LONGEST_ASKED,
    PENDING,
    SCHEDULE,
    Answer,
    asked_wait,
    judge,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
draws = st.floats(0, 1, exclude_max=True)


@given(st.integers(200, 299), st.integers(1, 20), draws)
def test_any_2xx_delivers(status: int, attempts: int, draw: float) -> None:
    """Whatever attempt it is."""
    assert judge(Answer(status=status), attempts, SCHEDULE, draw, NOW).state == DELIVERED


@given(st.integers(100, 199) | st.integers(300, 599), st.integers(1, len(SCHEDULE) - 1), draws)
def test_anything_else_is_tried_again_after_a_stretched_wait(status: int, attempts: int, draw: float) -> None:
    """Never sooner than the schedule says, and at most a fifth later."""
    verdict = judge(Answer(status=status), attempts, SCHEDULE, draw, NOW)
    if status == 410:
        assert verdict == (FAILED, None, True)
    else:
        assert verdict.state == PENDING
        assert verdict.wait is not None
        assert SCHEDULE[attempts] <= verdict.wait <= SCHEDULE[attempts] * (1 + JITTER)


@given(draws, draws, st.integers(1, len(SCHEDULE) - 2))
def test_waits_grow(one: float, other: float, attempts: int) -> None:
    """Whatever is drawn: the jitter never makes a wait longer than the one after it."""
    first = judge(Answer(status=500), attempts, SCHEDULE, one, NOW).wait
    second = judge(Answer(status=500), attempts + 1, SCHEDULE, other, NOW).wait
    assert first is not None
    assert second is not None
    assert second >= first


@given(draws)
def test_the_last_attempt_gives_up(draw: float) -> None:
    """An error, as any status but success, ends in failure."""
    assert judge(Answer(error="x", retry_after="1"), len(SCHEDULE), SCHEDULE, draw, NOW) == (FAILED, None, False)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0), ("", 0), ("120", 120), (" 7 ", 7), ("-5", 0), ("nonsense", 0), ("1e9", 0),
        ("99999999", LONGEST_ASKED), ("9" * 500, LONGEST_ASKED),
        (format_datetime(NOW + timedelta(minutes=2), usegmt=True), 120),
        (format_datetime(NOW - timedelta(days=2), usegmt=True), 0), ("Sun, 01 Mar 2026 12:01:00", 60), ("١٢", 0),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), LONGEST_ASKED),
    ],
)  # fmt: skip
def test_retry_after(header: str | None, seconds: float) -> None:
    """Seconds or a date, within bounds; what can't be read asks nothing."""
    assert asked_wait(header, NOW) == seconds


def test_a_longer_asked_wait_holds_and_a_shorter_one_does_not() -> None:
    """A target may slow us down, never hurry us."""
    assert judge(Answer(status=503, retry_after="1000"), 1, SCHEDULE, 0, NOW).wait == 1000
    assert judge(Answer(status=503, retry_after="1"), 1, SCHEDULE, 0, NOW).wait == 5


@given(st.text())
def test_any_retry_after_gets_an_answer(text: str) -> None:
    """A stranger's header never makes us fail."""
    assert 0 <= asked_wait(text, NOW) <= LONGEST_ASKED
