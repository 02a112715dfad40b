"""Files kept in memory."""

from __future__ import annotations

from datetime import UTC, datetime

from chalicelib.errors import NotFound
from chalicelib.openai.files import StoredFile

WRITTEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeFiles:
    """Objects by their keys, in the order that S3 lists them in."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def write(self, key: str, content: bytes) -> None:
        self.bodies[key] = content

    def read(self, key: str) -> bytes:
        return self.bodies[key]

    def look(self, key: str) -> StoredFile:
        if key not in self.bodies:
            raise NotFound(f"looking at {key}: there is no such object")
        return StoredFile(key, len(self.bodies[key]), WRITTEN)

    def listed(self, prefix: str) -> list[StoredFile]:
        return [self.look(key) for key in sorted(self.bodies) if key.startswith(prefix)]

    def copy(self, key: str, to_key: str) -> None:
        self.look(key)
        self.bodies[to_key] = self.bodies[key]

    def remove(self, prefix: str) -> int:
        doomed = [key for key in self.bodies if key.startswith(prefix)]
        for key in doomed:
            del self.bodies[key]
        return len(doomed)

    def sign(self, key: str, *, name: str, seconds: int) -> str:
        return f"https://bucket/{key}?name={name}&seconds={seconds}"
