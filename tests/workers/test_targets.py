"""Connections go to checked addresses only, whatever a resolver says when."""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from httpcore import SOCKET_OPTION, AsyncMockBackend, AsyncNetworkStream, ConnectError

from tests.workers.receiver import Receiver, Reply
from workers.webhooks.client import Client
from workers.webhooks.targets import GuardedBackend, TargetRefused, resolve

pytestmark = pytest.mark.anyio


class Connections(AsyncMockBackend):
    """Remembers where it was asked to connect; some addresses do not answer."""

    def __init__(self, silent: Sequence[str] = ()) -> None:
        """Name the addresses that do not answer."""
        super().__init__([])
        self.asked: list[str] = []
        self._silent = silent

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Remember the address."""
        self.asked.append(host)
        if host in self._silent:
            raise ConnectError("silent")
        return await super().connect_tcp(host, port, timeout, local_address, socket_options)


class Names:
    """A resolver whose answers change."""

    def __init__(self, *answers: Sequence[str]) -> None:
        """Give one answer after the other, and the last for ever."""
        self._answers = list(answers)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Answer."""
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def test_a_name_that_leads_inside_is_refused() -> None:
    """One inner address among public ones is enough; nothing is connected to."""
    connections = Connections()
    for answer in (["10.0.0.1"], ["1.1.1.1", "169.254.169.254"], ["2606:4700::1111", "::ffff:127.0.0.1"]):
        with pytest.raises(TargetRefused):
            await GuardedBackend(allow_private=False, resolve=Names(answer), inner=connections).connect_tcp(
                "x.test", 443
            )
    assert connections.asked == []


async def test_a_name_that_changes_its_mind_never_leads_inside() -> None:
    """It is resolved once a connection, and what was checked is what is connected to."""
    connections = Connections()
    guarded = GuardedBackend(allow_private=False, resolve=Names(["1.1.1.1"], ["127.0.0.1"]), inner=connections)
    await guarded.connect_tcp("x.test", 443)
    with pytest.raises(TargetRefused):
        await guarded.connect_tcp("x.test", 443)
    assert connections.asked == ["1.1.1.1"]


async def test_the_next_address_is_tried() -> None:
    """Where the first does not answer."""
    connections = Connections(silent=["1.1.1.1"])
    guarded = GuardedBackend(allow_private=False, resolve=Names(["1.1.1.1", "1.0.0.1"]), inner=connections)
    await guarded.connect_tcp("x.test", 443)
    assert connections.asked == ["1.1.1.1", "1.0.0.1"]


async def test_the_systems_resolver_and_loopback() -> None:
    """The real resolver, a real name: `localhost` is refused unless private targets are allowed."""
    assert set(await resolve("localhost", 80)) <= {"127.0.0.1", "::1"}
    with pytest.raises(TargetRefused):
        await GuardedBackend(allow_private=False).connect_tcp("localhost", 80)
    with pytest.raises(TargetRefused):
        await GuardedBackend(allow_private=False).connect_unix_socket("/tmp/x")
    with pytest.raises(ConnectError):
        await resolve("no-such-name.invalid", 80)


async def test_nothing_is_sent_to_a_refused_target() -> None:
    """The client says why, and the receiver hears nothing."""
    async with Receiver() as receiver, Client(allow_private=False, timeout_seconds=5) as client:
        answer = await client.post(receiver.url.replace("http:", "https:"), {}, b"{}")
        assert answer.status is None
        assert "loopback" in str(answer.error)
        port = receiver.url.rpartition(":")[2]
        named = Client(allow_private=False, timeout_seconds=5, resolve=Names(["127.0.0.1"]))
        answer = await named.post(f"https://public.test:{port}", {}, b"{}")
        assert "loopback" in str(answer.error)
        assert receiver.received == []


async def test_whatever_is_raised_on_the_way_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no list of errors foresaw is told by its name."""

    async def fault(*_: object) -> tuple[int, None]:
        raise LookupError("unforeseen")

    async with Client(allow_private=True, timeout_seconds=5) as client:
        monkeypatch.setattr(client, "_send", fault)
        answer = await client.post("https://example.com", {}, b"{}")
    assert (answer.status, answer.error) == (None, "LookupError: unforeseen")


async def test_redirects_are_not_followed_and_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 3xx is the answer; no proxy of the environment is used."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with Receiver() as other, Receiver() as receiver, Client(allow_private=True, timeout_seconds=5) as client:
        receiver.reply = lambda _: Reply(307, (f"location: {other.url}",))
        assert (await client.post(receiver.url, {}, b"{}")).status == 307
        assert other.received == []


async def test_answers_are_bounded_in_time_and_size() -> None:
    """A target that never answers, and one that answers without end."""
    async with Receiver() as receiver, Client(allow_private=True, timeout_seconds=0.1) as client:
        receiver.reply = lambda _: Reply(after=asyncio.Event())
        assert "no answer" in str((await client.post(receiver.url, {}, b"{}")).error)
    async with Receiver() as receiver, Client(allow_private=True, timeout_seconds=5) as client:
        receiver.reply = lambda _: Reply(body=b"x" * 50_000_000)
        assert (await client.post(receiver.url, {}, b"{}")).status == 200
        assert (await client.post(receiver.url, {}, b"{}")).status == 200


async def test_certificates_are_checked_against_the_name(tmp_path: Path) -> None:
    """Although the connection is made to an address, TLS asks for the name and checks it."""
    trusted, serving = _certificate(tmp_path, "hooks.test")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 x\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    async with Client(allow_private=True, timeout_seconds=5, resolve=Names(["127.0.0.1"]), tls=trusted) as client:
        assert (await client.post(f"https://hooks.test:{port}/", {}, b"")).status == 204
        assert "CERTIFICATE_VERIFY_FAILED" in str((await client.post(f"https://other.test:{port}/", {}, b"")).error)
    server.close()


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a context that trusts a certificate of this name, and one that serves it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    file = folder / "both.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain) + pem)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(file)
    return ssl.create_default_context(cadata=pem.decode()), serving
