"""An S3 server on this machine."""

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
from msgspec import Struct

from tests.support.product import free_port, until

_SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, Signature=any"}


class Objects(Struct, frozen=True):
    """A running S3 server: where it is, and the environment that leads to it."""

    base: str

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process that is to use it has to be told."""
        return {
            "AWS_ENDPOINT_URL": self.base,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }

    def bucket(self) -> str:
        """Make a bucket; return its name."""
        name = f"bucket-{secrets.token_hex(4)}"
        self._ask("PUT", f"/{name}")
        return name

    def unfinished(self, bucket: str) -> int:
        """Return how many uploads in parts were begun and not ended."""
        return self._ask("GET", f"/{bucket}?uploads").text.count("<UploadId>")

    def keys(self, bucket: str) -> int:
        """Return how many objects there are."""
        return self._ask("GET", f"/{bucket}?list-type=2").text.count("<Key>")

    def _ask(self, method: str, path: str) -> httpx.Response:
        answer = httpx.request(method, self.base + path, headers=_SIGNED, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer


@contextmanager
def serving_objects() -> Iterator[Objects]:
    """Run an S3 server for a while."""
    it = Objects(f"http://127.0.0.1:{free_port()}")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", it.base.rpartition(":")[2]]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until(lambda: httpx.get(f"{it.base}/moto-api/", trust_env=False).status_code == 200, says="S3")
            yield it
        finally:
            server.kill()
