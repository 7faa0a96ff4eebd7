"""Downloading: whole, in parts, never shown by a browser, and never half of it without a word."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ranges import NotSatisfiable, Span, span_of
from tests.api.files import attached, stored
from tests.api.stories import Story
from tests.support.product import People, Product

CONTENT = bytes(range(256)) * 4000


@pytest.fixture(scope="module")
def link(people: People) -> str:
    """Where a file of a megabyte is."""
    file: str = attached(people("user"), Story(people).path, CONTENT)["file"]
    return file


def test_a_file_is_saved_and_never_shown_run_or_kept_by_others(people: People, link: str) -> None:
    answer = people("viewer").get(link)
    assert answer.content == CONTENT
    headers = answer.headers
    assert headers["Content-Type"] == "application/pdf"
    assert headers["Content-Disposition"] == "attachment; filename=\"log.pdf\"; filename*=UTF-8''log.pdf"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Content-Length"] == str(len(CONTENT))
    assert headers["Accept-Ranges"] == "bytes"


def test_a_file_is_under_every_prefix_that_the_api_has(people: People, link: str) -> None:
    path = link[link.index("/media/") :]
    for prefix in ("", "/v1", "/v1/api", "/api"):
        assert people("viewer").get(prefix + path).content == CONTENT


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=300000-", 300_000, len(CONTENT)),
        ("bytes=-5", len(CONTENT) - 5, len(CONTENT)),
        ("bytes=1000000-99999999", 1_000_000, len(CONTENT)),
        ("bytes=-99999999", 0, len(CONTENT)),
    ],
)
def test_a_range_is_answered_with_the_bytes_that_are_asked_for(
    people: People, link: str, asked: str, start: int, stop: int
) -> None:
    answer = people("viewer").get(link, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=5-2", "bytes=-", "bytes", "bytes=a-b"])
def test_a_range_that_is_none_is_passed_over(people: People, link: str, asked: str) -> None:
    answer = people("viewer").get(link, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("asked", [f"bytes={len(CONTENT)}-", "bytes=99999999-99999999", "bytes=-0"])
def test_a_range_of_nothing_is_416_and_says_how_much_there_is(people: People, link: str, asked: str) -> None:
    answer = people("viewer").get(link, headers={"Range": asked})
    assert (answer.status_code, answer.json()["error"]["code"]) == (416, "RANGE_NOT_SATISFIABLE")
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


def test_who_has_the_file_already_is_told_so(people: People, link: str) -> None:
    tag = people("viewer").get(link).headers["ETag"]
    answer = people("viewer").get(link, headers={"If-None-Match": tag, "Range": "bytes=99999999-"})
    assert (answer.status_code, answer.content) == (304, b"")
    assert people("viewer").get(link, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_range_of_another_file_than_the_client_began_with_is_answered_with_all(people: People, link: str) -> None:
    tag = people("viewer").get(link).headers["ETag"]
    some = {"Range": "bytes=0-9"}
    assert people("viewer").get(link, headers={**some, "If-Range": tag}).status_code == 206
    for other in ('"other"', f"W/{tag}", "Sun, 22 Nov 2026 02:37:57 GMT"):
        answer = people("viewer").get(link, headers={**some, "If-Range": other})
        assert (answer.status_code, len(answer.content)) == (200, len(CONTENT))


def test_head_tells_what_get_would_and_sends_nothing(people: People, link: str) -> None:
    answer = people("viewer").request("HEAD", link, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["ETag"] == people("viewer").get(link).headers["ETag"]


def test_a_query_is_refused(people: People, link: str) -> None:
    assert people("viewer").get(link, params={"download": "1"}).status_code == 400


def test_a_reader_that_leaves_takes_nothing_from_the_next(people: People, link: str, product: Product) -> None:
    for _ in range(3):
        with product.http.stream("GET", link, headers=people("viewer").headers) as answer:
            assert next(answer.iter_raw(1000))
    assert people("viewer").get(link).content == CONTENT


@pytest.mark.parametrize("damage", ["gone", "shorter", "longer"])
def test_a_file_that_the_store_has_not_as_it_was_is_500_and_never_half(
    people: People, product: Product, damage: str
) -> None:
    content = damage.encode() * 1000
    made = attached(people("user"), Story(people).path, content)
    (path,) = [path for path in stored(product) if path.read_bytes() == content]
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "shorter" else content + b".")
    answer = people("viewer").get(made["file"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert path.name not in answer.text


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"(bytes|items)?=?\d{0,3}-?\d{0,3}", fullmatch=True) | st.text(max_size=12), st.integers(1, 500))
def test_whatever_is_asked_for_is_within_the_file(header: str, size: int) -> None:
    try:
        span = span_of(header, size)
    except NotSatisfiable:
        return
    assert span is None or 0 <= span.start < span.stop <= size


def test_a_range_of_a_file_of_nothing_is_of_nothing() -> None:
    with pytest.raises(NotSatisfiable):
        span_of("bytes=0-", 0)
    assert span_of("bytes=0-0", 1) == Span(0, 1)
