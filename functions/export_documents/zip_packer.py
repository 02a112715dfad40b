"""ZIP files written as a stream, so that memory does not grow with their content.

The same entries give the same bytes, so a step that is repeated writes the same part again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import IO, Protocol, cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from chalicelib.contracts.base import Contract
from chalicelib.errors import Conflict, NotFound
from functions.export_documents.listing import ListingEntry

LEVEL = 1
"""Deflate's fastest level: most uploads are compressed already."""


class WriteStream(Protocol):
    """A stream that a ZIP file can be written to."""

    @property
    def size(self) -> int:
        """Return the number of bytes written."""

    def write(self, data: bytes) -> int:
        """Write `data`."""

    def flush(self) -> None:
        """Do nothing: there is no buffer."""


class ExportObjects(Protocol):
    """Objects in a bucket, listed, read and written in pieces."""

    def listed(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield key and size of the objects under `prefix`, in order of their keys."""

    def blocks(self, bucket: str, key: str, version_id: str = "") -> Iterator[bytes]:
        """Return an object's bytes in blocks; raise `NotFound` before the first is read."""

    def writing(self, bucket: str, key: str) -> AbstractContextManager[WriteStream]:
        """Return a context with a stream whose content becomes the object `key` when it ends."""


class PackedFile(Contract):
    """One file of the archive."""

    name: str
    bytes: int
    sha256: str


class PackedDocument(Contract):
    """One line of `manifest.jsonl`: a document and its files in this part."""

    document_id: str
    version: str
    collection: str
    path: str
    status: str
    files: tuple[PackedFile, ...]


class ZipPacker:
    """Writes documents into one ZIP file."""

    def __init__(self, bucket: str, tenant: str, archive: ZipFile, moment: datetime) -> None:
        self._bucket = bucket
        self._tenant = tenant
        self._archive = archive
        self._moment = moment.timetuple()[:6]

    def put_document(self, entry: ListingEntry, store: ExportObjects) -> PackedDocument:
        """Write all of a document: its record, the uploaded file, and the files made from it.

        Raises:
            NotFound: the uploaded file is gone; nothing was written then.
            Conflict: its bytes are not those that were read when it was uploaded.
        """
        source = self._source(entry, store)
        files = [
            self.put_blocks(f"{entry.folder}record.json", [_record(entry)]),
            self.put_blocks(entry.source_name, source),
        ]
        expected = entry.document.sha256 if not entry.upload_key else ""
        if expected and files[-1].sha256 != expected:
            raise Conflict(
                f"The file's sha256 is {files[-1].sha256}; when it was read it was {expected}."
            )
        prefix = entry.objects_prefix(self._tenant)
        for key, _ in store.listed(self._bucket, prefix):
            relative = key.removeprefix(prefix)
            if relative != "source":
                blocks = store.blocks(self._bucket, key)
                files.append(self.put_blocks(entry.folder + relative, blocks))
        document = entry.document
        return PackedDocument(
            document_id=document.document_id,
            version=entry.version,
            collection=document.collection,
            path=document.path,
            status=document.status,
            files=tuple(files),
        )

    def put_blocks(self, name: str, blocks: Iterable[bytes]) -> PackedFile:
        """Write one file."""
        digest, size = hashlib.sha256(), 0
        info = ZipInfo(name, self._moment)
        info.compress_type = ZIP_DEFLATED
        with self._archive.open(info, "w", force_zip64=True) as out:
            for block in blocks:
                out.write(block)
                digest.update(block)
                size += len(block)
        return PackedFile(name=name, bytes=size, sha256=digest.hexdigest())

    def _source(self, entry: ListingEntry, store: ExportObjects) -> Iterator[bytes]:
        if entry.reason and not entry.version:
            raise NotFound(entry.reason)
        if entry.upload_key:
            return store.blocks(self._bucket, entry.upload_key, entry.upload_version)
        return store.blocks(self._bucket, entry.objects_prefix(self._tenant) + "source")


@contextmanager
def zip_file(stream: WriteStream) -> Iterator[ZipFile]:
    """Return a context with a ZIP file that is written to `stream`, which cannot seek."""
    with ZipFile(cast("IO[bytes]", stream), "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        yield archive


def _record(entry: ListingEntry) -> bytes:
    fields = json.loads(entry.document.model_dump_json()) | {"exported_version": entry.version}
    return json.dumps(fields, indent=2, ensure_ascii=False).encode() + b"\n"
