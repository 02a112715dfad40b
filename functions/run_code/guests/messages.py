"""Messages of a guest: a kind of one character and a text, by file descriptors 0 and 1.

It runs inside the sandbox. The host serves both descriptors and nothing else.
"""

from __future__ import annotations

import posix

_READ, _WRITE = 0, 1
_HEAD = 9


def send(kind: str, text: str) -> None:
    """Send one message to the host."""
    body = (kind + text).encode("utf-8", "surrogatepass")
    left = b"%08x\n" % len(body) + body
    while left:
        left = left[posix.write(_WRITE, left) :]


def receive() -> str:
    """Wait for one message of the host, and return its text."""
    return _exactly(int(_exactly(_HEAD), 16)).decode("utf-8", "surrogatepass")


def _exactly(count: int) -> bytes:
    parts = []
    while count:
        part = posix.read(_READ, count)
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
