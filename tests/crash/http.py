"""One HTTP request on a connection of its own, which may be given up once it is written."""

from __future__ import annotations

import json
from typing import Any

import h11
import trio

from bench.client import RequestRefused

ANSWER_SECONDS_MAX = 15.0
READ_BYTES = 64 * 1024


class NoAnswer(Exception):
    """The request may have had its effect or not."""


async def request(
    port: int,
    method: str,
    path: str,
    body: object,
    *,
    token: str,
    key: str | None = None,
    reads_answer: bool | None = True,
) -> Any:
    """The answer's `data`. Raises RequestRefused, NoAnswer.

    `reads_answer=False` closes the connection as soon as the request is written; None keeps it
    open, and throws away what comes until its end.
    """
    try:
        with trio.fail_after(ANSWER_SECONDS_MAX):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            async with stream:
                await stream.send_all(_worded(port, method, path, body, token, key))
                if reads_answer is None:
                    while await stream.receive_some(READ_BYTES):
                        pass
                if not reads_answer:
                    raise NoAnswer("given up")
                answer = json.loads(await _body(stream))
    except (OSError, trio.BrokenResourceError, trio.TooSlowError, h11.RemoteProtocolError) as error:
        raise NoAnswer(repr(error)) from error
    if not answer["success"]:
        raise RequestRefused(answer["error"])
    return answer["data"]


def _worded(port: int, method: str, path: str, body: object, token: str, key: str | None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    headers = [
        ("Host", f"127.0.0.1:{port}"),
        ("Authorization", f"Bearer {token}"),
        ("Connection", "close"),
    ]
    if content:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    if key is not None:
        headers.append(("Idempotency-Key", key))
    connection = h11.Connection(h11.CLIENT)
    asked = h11.Request(method=method, target=f"/api/v1{path}", headers=headers)
    head = connection.send(asked)
    assert head is not None
    return head + content


async def _body(stream: trio.SocketStream) -> bytes:
    connection = h11.Connection(h11.CLIENT)
    # The request was worded by another object; this one only reads what it is told in return.
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(READ_BYTES))
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return body
