"""The ceiling of the load generator itself: a server that does nothing but send the same bytes back."""

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any

import uvloop


class _Canned(asyncio.Protocol):
    answer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        # One small request a segment: the generator waits for each answer.
        self._transport.write(self.answer)


async def _serve(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Canned, sock=socket.socket(fileno=descriptor))
    await server.serve_forever()


def _main() -> None:
    _, descriptor, given = sys.argv[1:]
    content = Path(json.loads(given)["file"]).read_bytes()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    _Canned.answer = head.encode() + content
    uvloop.run(_serve(int(descriptor)))


if __name__ == "__main__":
    _main()
