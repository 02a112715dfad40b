"""Uploads: the files, one after another, and the wait until each has settled."""

from __future__ import annotations

import functools
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.client import Api
from cli.documents.results import DocumentProgress, DocumentResult, result_of
from cli.documents.settlement import AwaitedDocument, DocumentWaiter, find_document
from cli.failures import ApiError, CorruptTransferError, UnreachableError, UsageError
from cli.output import Json


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file and its path in the collection.

    Bytes of the file's name that are not UTF-8 become U+FFFD in `path`.
    """

    file: Path
    path: str


def collect(sources: Sequence[Path]) -> list[LocalFile]:
    """Return the files among `sources`; folders are walked, hidden files left out.

    A file's path is its name, or its path below the given folder.

    Raises:
        UsageError: two files would get the same path.
    """
    found: dict[str, LocalFile] = {}
    for local in (item for source in sources for item in _below(source)):
        other = found.setdefault(local.path, local)
        if other.file.resolve() != local.file.resolve():
            files = f"{_readable(other.file)} and {_readable(local.file)}"
            raise UsageError(f"{files} would both become {local.path!r}.")
    return list(found.values())


def _below(source: Path) -> Iterator[LocalFile]:
    if source.is_file():
        yield LocalFile(source, _readable(source.name))
        return
    for file in sorted(source.rglob("*")):
        parts = file.relative_to(source).parts
        if file.is_file() and not any(part.startswith(".") for part in parts):
            yield LocalFile(file, _readable("/".join(parts)))


def _readable(name: str | Path) -> str:
    """Return a name that can be printed and sent, whatever bytes the file system has."""
    return os.fsencode(name).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Uploader:
    """Uploader of files to one collection.

    `wait` is the seconds that one file may take to settle after the last upload, or None not to
    wait at all. `metadata` is set on each file; without it a file that is there already is skipped,
    whatever its metadata.
    """

    api: Api
    collection: str
    wait: float | None
    metadata: Json | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def upload_all(self, files: Iterable[LocalFile]) -> Iterator[DocumentResult | DocumentProgress]:
        """Yield a result for each file as it settles, and the progress of large ones.

        Once the endpoint cannot be reached, the remaining files count as failed without a request;
        after the last result the reason is raised.
        """
        pending: list[AwaitedDocument] = []
        lost: UnreachableError | None = None
        for local in files:
            if lost is not None:
                yield DocumentResult(local.path, "failed", reason=f"Not tried: {lost}")
                continue
            try:
                outcome = self._upload(local)
            except UnreachableError as unreachable:
                lost = unreachable
                outcome = DocumentResult(local.path, "failed", reason=str(lost))
            if isinstance(outcome, DocumentResult):
                yield outcome
            elif self.wait is None:
                yield DocumentResult(outcome.path, "uploaded", outcome.document_id)
            else:
                pending.append(outcome)
        if self.wait is not None:
            yield from DocumentWaiter(self.api, self.wait, self.sleep, self.clock).settle(pending)
        if lost is not None:
            raise lost

    def _upload(self, local: LocalFile) -> DocumentResult | AwaitedDocument:
        if _readable(local.file) != str(local.file):
            return DocumentResult(
                local.path, "rejected", reason="The name is not UTF-8; rename the file."
            )
        try:
            content = local.file.stat()
            created = self.api.create_document(
                local.path, content.st_size, self.collection, self.metadata
            )
            document_id = str(created["document_id"])
            wanted = functools.partial(_is_there, digest(local.file), self.metadata)
            before = find_document(self.api, document_id)
            if before and wanted(before):
                return result_of(local.path, before, "unchanged")
            self.api.upload(created["upload"], local.file)
        except ApiError as refused:
            return DocumentResult(local.path, "rejected", reason=str(refused))
        except CorruptTransferError as differing:
            return DocumentResult(local.path, "failed", reason=str(differing))
        except OSError as error:
            return DocumentResult(local.path, "failed", reason=f"The file cannot be read: {error}")
        return AwaitedDocument(local.path, document_id, functools.partial(_is_news, before, wanted))


def _is_news(before: Json | None, wanted: Callable[[Json], bool], document: Json) -> bool:
    """Return whether `document` shows an upload after `before`, or is the `wanted` one."""
    if before is None or document["latest_version"] != before["latest_version"]:
        return True
    return wanted(document)


def _is_there(sha256: str, metadata: Json | None, document: Json) -> bool:
    """Return whether these bytes are stored already, with this metadata if it matters."""
    same_bytes = document["status"] == "ready" and document["sha256"] == sha256
    return bool(same_bytes) and metadata in (None, document.get("metadata", {}))


def digest(file: Path) -> str:
    """Return the sha256 of a file; raise `OSError`."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
