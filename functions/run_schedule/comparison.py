"""Comparison of the objects under a prefix with the manifest of the last synchronisation.

One window of keys is compared at a time: what is new or changed is to be copied, what cannot become
a document has failed, and what is gone may have to be removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.base import Contract
from chalicelib.errors import InvalidInput
from chalicelib.retrieval.ids import InboxPlace, check_path
from chalicelib.schedules.locations import S3Location, SourceObject
from functions.run_schedule.manifest import KeyPair, ManifestEntry

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document

KEYS_A_STEP = 5_000
COPIES_A_STEP = 2_000
BYTES_A_STEP = 20 * 1024**3
"""A step compares, and copies, no more once it has one of these; the last object may exceed it."""


class SyncedDocuments(Protocol):
    """Documents of tenants."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""


class SyncProgress(Contract):
    """Where a synchronisation is.

    Attributes:
        earlier: The key of the manifest before, or "" if none is of this prefix and collection.
        earlier_parts: How many files it has.
        earlier_part: The file that has the next entries.
        after: The key up to which everything was compared.
        parts: How many files of the new manifest were written.
        listed: Objects that were found.
        known: Entries of the manifest before that became documents.
        gone: Those of them that were not found, and whose documents are still there.
        unchanged: Objects that are as they were.
        refused: Unchanged objects that cannot become documents, as an earlier run said.
        skipped: Objects that went away or changed while they were copied.
        removing: The file of the new manifest whose documents are removed next.
        removed: Entries of it that were looked at.
        waiting: The jobs that remove documents now.
    """

    earlier: str = ""
    earlier_parts: int = 0
    earlier_part: int = 0
    after: str = ""
    parts: int = 0
    listed: int = 0
    known: int = 0
    gone: int = 0
    unchanged: int = 0
    refused: int = 0
    skipped: int = 0
    removing: int = 0
    removed: int = 0
    waiting: tuple[str, ...] = ()

    @property
    def loses_too_many(self) -> bool:
        """Tell whether more than half of the known documents would be removed."""
        return self.gone * 2 > self.known


@dataclass(frozen=True, slots=True)
class SyncTarget:
    """The two sides of a synchronisation: a folder of S3, and a collection of a tenant."""

    location: S3Location
    bucket: str
    tenant: str
    collection: str

    def path(self, key: str) -> str:
        """Return the path of the document that an object becomes."""
        return key.removeprefix(self.location.folder)

    def inbox(self, key: str) -> InboxPlace:
        """Return the place in the inbox that an object is copied to."""
        return InboxPlace(self.tenant, self.collection, self.path(key))


@dataclass(slots=True)
class SyncWindow:
    """The result of comparing a window of keys: new entries, copies to make, and failures.

    `failures` says by keys why objects could not be brought in. `is_end` is set if no key follows.
    """

    entries: dict[str, ManifestEntry] = field(default_factory=dict)
    wanted: list[tuple[SourceObject, ManifestEntry | None]] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    is_end: bool = False

    @property
    def is_full(self) -> bool:
        """Tell whether nothing more is to be copied in one step."""
        return len(self.wanted) >= COPIES_A_STEP or self.bytes >= BYTES_A_STEP


@dataclass(frozen=True, slots=True)
class SyncComparison:
    """Compares listings with manifests. `removes` says whether what is gone is looked after."""

    target: SyncTarget
    documents: SyncedDocuments
    max_file_bytes: int
    removes: bool

    def window(
        self, pairs: Iterator[KeyPair], progress: SyncProgress
    ) -> tuple[SyncWindow, SyncProgress]:
        """Return what the next keys ask for, and the progress behind them."""
        window, counts = SyncWindow(), progress.model_dump(exclude={"waiting"})
        for pair in islice(pairs, KEYS_A_STEP):
            if pair.new is None:
                self._miss(pair, window, counts)
            else:
                self._meet(pair.old, pair.new, window, counts)
            counts |= {"after": pair.key, "earlier_part": pair.part}
            if window.is_full:
                break
        window.is_end = next(pairs, None) is None
        return window, SyncProgress.model_validate(counts)

    def _miss(self, pair: KeyPair, window: SyncWindow, counts: dict[str, int]) -> None:
        """Note an object that is gone, if its document is to be removed and still there."""
        if pair.old is None or pair.old.reason or not self.removes:
            return
        place = self.target.inbox(pair.key)
        if self.documents.document(place.tenant, place.document_id) is not None:
            counts["known"] += 1
            counts["gone"] += 1
            window.entries[pair.key] = pair.old.model_copy(update={"gone": True})

    def _meet(
        self,
        old: ManifestEntry | None,
        found: SourceObject,
        window: SyncWindow,
        counts: dict[str, int],
    ) -> None:
        """Note an object that is there: unchanged, to be copied, or not fit for a document."""
        counts["listed"] += 1
        counts["known"] += old is not None and not old.reason
        reason = self._refusal(found)
        is_same = old is not None and old.is_same(found) and bool(old.reason) == bool(reason)
        if reason or is_same:
            window.entries[found.key] = manifest_entry(found, reason)
        else:
            window.wanted.append((found, old))
            window.bytes += found.size
        if is_same:
            counts["refused" if reason else "unchanged"] += 1
        elif reason:
            window.failures[found.key] = reason

    def _refusal(self, found: SourceObject) -> str:
        """Return why an object cannot become a document, or ""."""
        if found.size > self.max_file_bytes:
            return f"it has {found.size:,} bytes; the stage takes {self.max_file_bytes:,} at most"
        try:
            check_path(self.target.path(found.key))
        except InvalidInput as error:
            return error.message
        return ""


def manifest_entry(found: SourceObject, reason: str = "") -> ManifestEntry:
    """Return the entry of an object; `reason` says why it cannot become a document."""
    return ManifestEntry(
        key=found.key, etag=found.etag, size=found.size, modified=found.modified, reason=reason
    )
