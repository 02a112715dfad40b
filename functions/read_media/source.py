"""The recording on this worker's disk, while it is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from chalicelib.retrieval.ids import film_key, version_prefix

if TYPE_CHECKING:
    from chalicelib.contracts.functions.read_media import ReadMediaRequest
    from chalicelib.contracts.objects import LargeObjects
    from chalicelib.contracts.shots import FindShotsRequest


@contextmanager
def downloaded_source(
    request: ReadMediaRequest, objects: LargeObjects, max_bytes: int
) -> Iterator[Path]:
    """Yield the path of a version's source, in a folder that is removed after the block."""
    key = version_prefix(request.tenant, request.document_id, request.version) + "source"
    with _downloaded(request.bucket, key, objects, max_bytes) as path:
        yield path


@contextmanager
def downloaded_part(
    request: FindShotsRequest, objects: LargeObjects, max_bytes: int
) -> Iterator[Path]:
    """Yield the path of the frames of a part, or of the version's source if they are not copied."""
    place = (request.tenant, request.document_id, request.version)
    whole = version_prefix(*place) + "source"
    key = film_key(*place, request.part) if request.is_copied else whole
    with _downloaded(request.bucket, key, objects, max_bytes) as path:
        yield path


@contextmanager
def _downloaded(bucket: str, key: str, objects: LargeObjects, max_bytes: int) -> Iterator[Path]:
    with TemporaryDirectory(prefix="headrace-media-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "source"
        objects.download(bucket, key, None, path, max_bytes)
        yield path
