"""The uploaded file on this worker's disk, while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidInput, NotFound, Unsupported
from functions.read_document.text.rows import Blocks, blocks_of

if TYPE_CHECKING:
    from chalicelib.contracts.objects import LargeObjects

MEBIBYTE = 1024 * 1024
WHOLE_BYTES = 50 * MEBIBYTE
"""The largest file of a format that can only be read as a whole, in memory."""
HEAD_BYTES = MEBIBYTE
"""The bytes of a larger file by which its type is detected."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file, its sha256 and its size in bytes."""

    path: Path
    sha256: str
    size: int

    @property
    def blocks(self) -> Blocks:
        """Return a function that reads the file in blocks."""
        return blocks_of(self.path)

    def head(self, size: int = HEAD_BYTES) -> bytes:
        """Return the first bytes of the file."""
        with self.path.open("rb") as file:
            return file.read(size)

    def whole(self, max_bytes: int, what: str) -> bytes:
        """Return all bytes of the file; `what` names its format in the error.

        Raises:
            Unsupported: its format is read as a whole, and it is too large for that.
        """
        self.demand_whole(max_bytes, what)
        return self.path.read_bytes()

    def demand_whole(self, max_bytes: int, what: str) -> None:
        """Raise `Unsupported` if `whole` would."""
        limit = min(WHOLE_BYTES, max_bytes)
        if self.size > limit:
            raise Unsupported(
                f"A {what} file may have at most {_mebibytes(limit)}, this one has"
                f" {_mebibytes(self.size)}. Only PDF, CSV, TSV, JSON Lines and plain text may have"
                f" up to {_mebibytes(max_bytes)}. Split it, or save it as one of these.",
                field="file",
                limit=str(limit),
            )


@contextmanager
def download(
    objects: LargeObjects, bucket: str, key: str, version_id: str | None, max_bytes: int
) -> Iterator[UploadedFile]:
    """Download an object into a folder that is removed after the block, however that ends.

    Raises:
        InvalidInput: it was deleted, is empty or has more than `max_bytes`.
    """
    with TemporaryDirectory(prefix="headrace-read-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "source"
        try:
            downloaded = objects.download(bucket, key, version_id, path, max_bytes)
        except NotFound as error:
            raise InvalidInput(
                "The upload was deleted before it could be read.", field="file"
            ) from error
        check_size(downloaded.size, max_bytes)
        yield UploadedFile(path, downloaded.sha256, downloaded.size)


def check_size(size: int, limit: int) -> None:
    """Raise `InvalidInput` unless `size` is 1 to `limit` bytes."""
    if size == 0:
        raise InvalidInput("The file is empty.", field="file")
    if size > limit:
        raise InvalidInput(
            f"The file has {_mebibytes(size)}; the limit is {_mebibytes(limit)}.",
            field="file",
            limit=str(limit),
        )


def _mebibytes(size: int) -> str:
    return f"{size / MEBIBYTE:.1f} MiB"
