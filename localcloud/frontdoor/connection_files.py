"""The two sides of a connection of the front door, as cheroot reads and writes them.

cheroot's own are written in Python on top of `_pyio`: they took a sixth of the processor time of a
request. These read lines and bodies in C.
"""

from __future__ import annotations

import io
import socket
from typing import Any


class _CountedSocket(socket.SocketIO):
    """A socket's receiving side that counts what it received."""

    received = 0

    def readinto(self, buffer: Any) -> int | None:
        """Receive into `buffer`; return how much, None if nothing is there yet."""
        size = super().readinto(buffer)
        self.received += size or 0
        return size


class ReceivingFile(io.BufferedReader):
    """The receiving side: buffered, and it knows whether anything waits in its buffer."""

    def __init__(self, sock: socket.socket, size: int) -> None:
        """Read from `sock`, up to `size` bytes at once."""
        self._socket = _CountedSocket(sock, "rb")
        super().__init__(self._socket, size)
        self.bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return `size` bytes, or fewer at the end."""
        data = super().read(-1 if size is None else size)
        self.bytes_read += len(data)
        return data

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next line, or its first `size` bytes."""
        line = super().readline(-1 if size is None else size)
        self.bytes_read += len(line)
        return line

    def has_data(self) -> bool:
        """Tell whether bytes were received that were not read yet."""
        return self._socket.received > self.bytes_read


class SendingFile:
    """The sending side: what is written is sent."""

    def __init__(self, sock: socket.socket) -> None:
        """Write to `sock`."""
        self._socket = sock
        self.bytes_written = 0

    def write(self, data: bytes) -> int:
        """Send all of `data`; the socket's timeout is that of each piece it takes."""
        left = memoryview(data)
        while left:
            left = left[self._socket.send(left) :]
        self.bytes_written += len(data)
        return len(data)


def connection_file(
    sock: socket.socket, mode: str = "rb", size: int = io.DEFAULT_BUFFER_SIZE
) -> ReceivingFile | SendingFile:
    """Return the side of a connection that `mode` asks for."""
    return ReceivingFile(sock, size) if "r" in mode else SendingFile(sock)
