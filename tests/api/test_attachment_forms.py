"""The form that a file comes in: its names, its types, its bounds, and every fault of it."""

import socket
from collections.abc import Iterator
from urllib.parse import unquote

import httpx
import pytest

from tests.api.files import PDF, attach, attached, configured, stored
from tests.api.stories import Story, faults, message
from tests.support.product import Client, People, Product, until

BOUNDARY = "xYzZY"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
KIB = 1024


def part(name: str, content: bytes = b"x", more: str = "") -> bytes:
    """Return a part of a form."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """Return a form of some parts."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


FILE = part("file", PDF, '; filename="log.pdf"')


def send(client: Client, path: str, content: bytes | Iterator[bytes], **headers: str) -> httpx.Response:
    """Send a body as it is."""
    return client.post(f"{path}attachments/", content=content, headers={**FORM, **headers})


@pytest.fixture(scope="module")
def story(people: People) -> Story:
    """A deviation that takes files."""
    return Story(people)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\ana\\log.txt", "log.txt"),
        ("Übersicht “Mai”.pdf", "Übersicht “Mai”.pdf"),
        ("annexe\u202efdp.txt", "annexefdp.txt"),
        ("CON.txt", "_CON.txt"),
        ("<script>alert(1)<.txt", "_script_alert(1)_.txt"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("95%25.pdf", "95%25.pdf"),
        ("half\ufffdread.pdf", "half\ufffdread.pdf"),
    ],
)
def test_a_file_has_a_safe_name_and_a_link_that_leads_to_it(people: People, story: Story, name: str, safe: str) -> None:
    made = attached(people("user"), story.path, PDF, name, media_type="text/plain")
    assert made["name"] == safe
    answer = people("viewer").get(made["file"])
    assert answer.content == PDF
    plain, _, encoded = answer.headers["Content-Disposition"].partition("; filename*=UTF-8''")
    assert plain.startswith('attachment; filename="')
    assert unquote(encoded) == safe


@pytest.mark.parametrize(
    ("name", "declared", "media_type"),
    [
        ("a.pdf", "application/pdf", "application/pdf"),
        ("a.pdf", "application/octet-stream", "application/pdf"),
        ("a.PDF", "application/x-pdf", "application/pdf"),
        ("a.csv", "application/vnd.ms-excel", "text/csv"),
        ("a.zip", "application/x-zip-compressed", "application/zip"),
        ("a", "text/plain", "text/plain"),
        ("report.2024", "text/plain; charset=latin-1", "text/plain"),
    ],
)
def test_a_files_type_is_what_its_name_says_or_its_sender(
    people: People, story: Story, name: str, declared: str, media_type: str
) -> None:
    made = attached(people("user"), story.path, PDF, name, media_type=declared)
    assert made["content_type"] == media_type
    assert people("viewer").get(made["file"]).headers["Content-Type"] == media_type


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("run.exe", "application/pdf"),
        ("run.bat", "text/plain"),
        ("page.html", "application/octet-stream"),
        ("page.html", "text/plain"),
        ("log.pdf", "text/html"),
        ("picture.svg", "image/png"),
        ("nothing", "application/octet-stream"),
        ("nothing", "chemical/x-pdb"),
        ("log.pdf .exe", "application/pdf"),
    ],
)
def test_a_file_of_a_type_that_is_not_taken_is_415(
    people: People, story: Story, product: Product, name: str, declared: str
) -> None:
    before = len(stored(product))
    answer = attach(people("user"), story.path, PDF, name, declared)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert len(stored(product)) == before


def test_which_types_are_taken_is_configured(people: People, story: Story, product: Product) -> None:
    with configured(product, attachment_types=["text/html"]):
        assert attach(people("user"), story.path, name="page.html", media_type="text/html").status_code == 201
        assert attach(people("user"), story.path).status_code == 415


def test_a_form_in_any_order_and_of_small_pieces_is_read(people: People, story: Story) -> None:
    content = form(part("description", b"first"), FILE)
    answer = send(people("user"), story.path, iter([content[place : place + 1] for place in range(len(content))]))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["description"], answer.json()["size"]) == ("first", len(PDF))


def test_every_fault_of_a_form_is_told_at_once(people: People, story: Story, product: Product) -> None:
    before = len(stored(product))
    content = form(part("fil"), FILE, part("description", b"\xff"), FILE, part("owner"), part("description", b"x"))
    found = faults(send(people("user"), story.path, content))
    assert found.keys() == {"fil", "file", "description", "owner"}
    assert found["file"] == "Given more than once."
    assert len(stored(product)) == before


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (form(part("description")), {"file": "This field is required."}),
        (form(part("file", PDF)), {"file": "This must be a file, with a name."}),
        (form(part("file", PDF, '; filename=""')), {"file": "This must be a file, with a name."}),
        (form(part("file", b"", '; filename="a.pdf"')), {"file": "The file is empty."}),
        (form(FILE, part("description", b"x" * 2001)), {"description": "At most 2000 characters."}),
        (form(FILE, part("description", b"x" * 9000)), {"description": "At most 2000 characters."}),
        (form(FILE, part("description", b"\xff\xfe")), {"description": "This is not text in UTF-8."}),
        (form(FILE, part("description", b"a\x00b")), {"description": "Control characters are not allowed."}),
    ],
)
def test_a_fault_of_a_form_is_told_by_its_field(
    people: People, story: Story, product: Product, content: bytes, found: dict[str, str]
) -> None:
    before = len(stored(product))
    assert faults(send(people("user"), story.path, content)) == found
    assert len(stored(product)) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no form at all",
        FILE,
        FILE[:40],
        form(FILE)[:-6],
        form(b"--xYzZY\r\nno header\r\n\r\nx\r\n"),
        form(b"--xYzZY\r\nContent-Type: text/plain\r\n\r\nx\r\n"),
        form(b"--xYzZY\r\nX-Long: " + b"x" * 5000 + b"\r\n\r\nx\r\n"),
        form(b"--xYzZY\r\n" + b"X-Many: y\r\n" * 20 + b"\r\nx\r\n"),
        form(*[part(f"p{number}") for number in range(21)]),
        form(b'--xYzZY\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n'),
    ],
)
def test_a_body_that_is_no_form_is_refused(people: People, story: Story, product: Product, content: bytes) -> None:
    before = len(stored(product))
    answer = send(people("user"), story.path, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert len(stored(product)) == before


@pytest.mark.parametrize("option", ["", "; boundary=", "; x"])
def test_a_form_without_a_boundary_is_refused(people: People, story: Story, option: str) -> None:
    headers = {"Content-Type": f"multipart/form-data{option}"}
    assert send(people("user"), story.path, form(FILE), **headers).status_code == 400


@pytest.mark.parametrize("media_type", ["application/json", "multipart/mixed; boundary=xYzZY", "", "application/pdf"])
def test_a_body_of_another_type_is_415(people: People, story: Story, media_type: str) -> None:
    answer = send(people("user"), story.path, form(FILE), **{"Content-Type": media_type})
    assert answer.status_code == 415


def test_a_file_as_large_as_is_allowed_is_taken_and_no_larger(people: People, story: Story, product: Product) -> None:
    before = len(stored(product))
    with configured(product, attachment_max_bytes=100 * KIB):
        assert attach(people("user"), story.path, b"x" * 100 * KIB).status_code == 201
        answer = attach(people("user"), story.path, b"x" * (100 * KIB + 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert str(100 * KIB) in message(answer)
    assert len(stored(product)) == before + 1


def test_a_file_without_end_is_413_as_soon_as_it_is_too_large(people: People, story: Story, product: Product) -> None:
    """The answer comes while the client still sends: the connection is one that it never ends."""
    before = len(stored(product))
    with configured(product, attachment_max_bytes=100 * KIB), connected(product) as connection:
        connection.sendall(head(people, story, "Transfer-Encoding: chunked") + chunk(FILE[:-2]))
        for _ in range(7):
            connection.sendall(chunk(b"x" * 16 * KIB))
        assert connection.recv(12) == b"HTTP/1.1 413"
    assert len(stored(product)) == before


def test_a_length_that_is_too_large_is_413_before_anything_is_read(
    people: People, story: Story, product: Product
) -> None:
    with connected(product) as connection:
        connection.sendall(head(people, story, f"Content-Length: {2**40}", "Expect: 100-continue"))
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_who_is_refused_is_not_asked_for_the_body(people: People, story: Story, product: Product) -> None:
    with connected(product) as connection:
        connection.sendall(head(people, story, "Content-Length: 1000", "Expect: 100-continue", role="viewer"))
        assert connection.recv(12) == b"HTTP/1.1 403"


def test_a_client_that_leaves_in_the_middle_leaves_nothing(people: People, story: Story, product: Product) -> None:
    before = set(stored(product))
    with connected(product) as connection:
        connection.sendall(head(people, story, "Transfer-Encoding: chunked") + chunk(FILE[:-2]))
        connection.sendall(chunk(b"x" * 400 * KIB))
        until(lambda: set(stored(product)) - before, says="a draft")
    until(lambda: set(stored(product)) == before, says="nothing left")
    assert attach(people("user"), story.path).status_code == 201


def connected(product: Product) -> socket.socket:
    """Return a connection to the API."""
    return socket.create_connection(("127.0.0.1", product.port), timeout=20)


def head(people: People, story: Story, *headers: str, role: str = "user") -> bytes:
    """Return the head of a request that sends a form."""
    token = people(role).headers["Authorization"]
    lines = [f"Authorization: {token}", "Host: localhost", f"Content-Type: {FORM['Content-Type']}", *headers]
    return "\r\n".join([f"POST {story.path}attachments/ HTTP/1.1", *lines, "", ""]).encode()


def chunk(content: bytes) -> bytes:
    """Return content as a chunk of a body."""
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"
