"""Uploading: which files, one after another, and waiting until each has settled."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cli.client import Api
from cli.failures import Refused, Unreachable, WrongUse
from cli.output import Json

State = Literal["ready", "unchanged", "rejected", "failed", "uploaded"]

SETTLED = frozenset({"ready", "rejected", "failed"})
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file and the path it gets in its collection."""

    file: Path
    path: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file; `reason` is empty where nothing went wrong."""

    path: str
    state: State
    document_id: str = ""
    reason: str = ""
    pages: int = 0
    chunks: int = 0

    @property
    def succeeded(self) -> bool:
        """Say whether the file is, or may yet become, searchable."""
        return self.state in {"ready", "unchanged", "uploaded"}


@dataclass(frozen=True, slots=True)
class _Pending:
    path: str
    document_id: str
    sha256: str
    before: Json | None


def collect(sources: Sequence[Path]) -> list[LocalFile]:
    """Return the files among `sources`, folders walked; hidden files are left out.

    A file's path is its name, and for a file of a folder its place below that folder.
    Raises `WrongUse` where two files would get the same path.
    """
    found: dict[str, LocalFile] = {}
    for local in (item for source in sources for item in _below(source)):
        other = found.setdefault(local.path, local)
        if other.file.resolve() != local.file.resolve():
            raise WrongUse(f"{other.file} and {local.file} would both become {local.path!r}.")
    return list(found.values())


def _below(source: Path) -> Iterator[LocalFile]:
    if source.is_file():
        yield LocalFile(source, source.name)
        return
    for file in sorted(source.rglob("*")):
        parts = file.relative_to(source).parts
        if file.is_file() and not any(part.startswith(".") for part in parts):
            yield LocalFile(file, "/".join(parts))


@dataclass(frozen=True, slots=True)
class Uploader:
    """Uploads files to one collection. `wait` is the seconds that one file may take to settle
    after the last upload, or None not to wait at all.
    """

    api: Api
    collection: str
    wait: float | None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def upload_all(self, files: Iterable[LocalFile]) -> Iterator[Result]:
        """Yield a result for each file, as they settle."""
        pending: list[_Pending] = []
        for local in files:
            outcome = self._upload(local)
            if isinstance(outcome, Result):
                yield outcome
            elif self.wait is None:
                yield Result(outcome.path, "uploaded", outcome.document_id)
            else:
                pending.append(outcome)
        if self.wait is not None:
            yield from self._settle(pending, self.wait)

    def _upload(self, local: LocalFile) -> Result | _Pending:
        try:
            content = local.file.stat()
            created = self.api.create_document(local.path, content.st_size, self.collection)
            document_id = str(created["document_id"])
            digest = _sha256(local.file)
            before = self._document(document_id)
            if before and before["status"] == "ready" and before["sha256"] == digest:
                return _result(local.path, before, "unchanged")
            self.api.upload(created["upload"], local.file)
        except Refused as refused:
            return Result(local.path, "rejected", reason=str(refused))
        except OSError as error:
            return Result(local.path, "failed", reason=f"The file cannot be read: {error}")
        return _Pending(local.path, document_id, digest, before)

    def _settle(self, pending: list[_Pending], wait: float) -> Iterator[Result]:
        """Yield results until none is pending; those that take too long have failed."""
        deadline = self.clock() + wait
        pause = _FIRST_PAUSE
        while pending:
            waiting: list[_Pending] = []
            for item in pending:
                document = self._document(item.document_id)
                if document is not None and _has_settled(item, document):
                    yield _result(item.path, document)
                else:
                    waiting.append(item)
            if len(waiting) < len(pending):
                pause, deadline = _FIRST_PAUSE, self.clock() + wait
            pending = waiting
            if pending and self.clock() >= deadline:
                for item in pending:
                    reason = f"Not settled after {wait:g} s; `headrace status` tells later."
                    yield Result(item.path, "failed", item.document_id, reason)
                return
            if pending:
                self.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 1.5)

    def _document(self, document_id: str) -> Json | None:
        """Return the document, or None while no upload of it has arrived."""
        try:
            return self.api.document(document_id)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise


def _has_settled(item: _Pending, document: Json) -> bool:
    if document["status"] not in SETTLED:
        return False
    if item.before is None or document["latest_version"] != item.before["latest_version"]:
        return True
    same_bytes = document["status"] == "ready" and document["sha256"] == item.sha256
    return bool(same_bytes)


def _result(path: str, document: Json, state: State | None = None) -> Result:
    status: State = state or document["status"]
    if state is None and status not in SETTLED:
        raise Unreachable(f"The API answers with an unknown status {status!r}.")
    return Result(
        path,
        status,
        str(document["document_id"]),
        "" if status in {"ready", "unchanged"} else str(document["reason"]),
        int(document["pages"]),
        int(document["chunks"]),
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
