"""Object storage in a folder, which the functions' cores use without a network."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from chalicelib.contracts.uploads import Download
from chalicelib.errors import NotFound

BLOCK = 1024 * 1024


class FolderObjects:
    """Objects without versions; the key of one is its path. Each is read a block at a time."""

    def __init__(self, folder: Path) -> None:
        """Store the objects below `folder`."""
        self._folder = folder

    def path(self, bucket: str, key: str) -> Path:
        """Return the path of an object."""
        return self._folder / bucket / key

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        return self._found(bucket, key).read_bytes()

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        self._made(bucket, key).write_bytes(body)

    def copy(self, bucket: str, key: str, version_id: str, to_key: str) -> None:
        shutil.copyfile(self._found(bucket, key), self._made(bucket, to_key))

    def metadata(self, bucket: str, key: str, version_id: str | None = None) -> Mapping[str, str]:
        self._found(bucket, key)
        return {}

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        whole = self._folder / bucket
        files = (path for path in whole.rglob("*") if path.is_file())
        below = [path for path in files if str(path.relative_to(whole)).startswith(prefix)]
        for path in below:
            path.unlink()
        return len(below)

    def download(
        self, bucket: str, key: str, version_id: str | None, into: Path, max_bytes: int
    ) -> Download:
        digest, size = hashlib.sha256(), 0
        with into.open("wb") as file:
            for block in self.stream(bucket, key):
                file.write(block)
                digest.update(block)
                size += len(block)
        return Download(digest.hexdigest(), size)

    def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
        path = self._found(bucket, key)
        left = (end or path.stat().st_size) - start
        with path.open("rb") as file:
            file.seek(start)
            while block := file.read(min(BLOCK, left)):
                left -= len(block)
                yield block

    def upload(
        self, bucket: str, key: str, pieces: Iterable[bytes], metadata: Mapping[str, str]
    ) -> int:
        size = 0
        with self._made(bucket, key).open("wb") as file:
            for piece in pieces:
                size += file.write(piece)
        return size

    def _found(self, bucket: str, key: str) -> Path:
        path = self.path(bucket, key)
        if not path.is_file():
            raise NotFound(f"There is no {key}.")
        return path

    def _made(self, bucket: str, key: str) -> Path:
        path = self.path(bucket, key)
        with suppress(FileExistsError):
            path.parent.mkdir(parents=True)
        return path
