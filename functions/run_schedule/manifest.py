"""The manifest of a synchronised prefix: what the last run found there, in order of the keys.

    schedules/{tenant}/{schedule_id}/{run_id}/00000.jsonl     up to 5,000 entries
    schedules/{tenant}/{schedule_id}/{run_id}/manifest.json   written last: the run has ended

A run reads the manifest of the run before beside a new listing, both in order, so that neither has
to fit into memory, and writes one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.contracts.base import Contract
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.objects import ObjectStore
from chalicelib.errors import NotFound
from chalicelib.schedules.locations import SourceObject, schedule_prefix
from functions.run_schedule.kind import Run

HEAD = "manifest.json"


class ManifestEntry(Contract):
    """An object as it was found.

    Attributes:
        reason: Why it cannot become a document, or "".
        gone: Whether it was no longer there, and its document still had to be removed.
    """

    key: str
    etag: str
    size: int
    modified: str
    reason: str = ""
    gone: bool = False

    def is_same(self, found: SourceObject) -> bool:
        """Tell whether `found` is what the entry describes."""
        then = (self.etag, self.size, self.modified)
        return not self.gone and then == (found.etag, found.size, found.modified)


class ManifestHead(Contract):
    """The head of a manifest: what it lists, and how many files of entries it has."""

    uri: str
    collection: str
    parts: int


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The entry of the last manifest and the listed object of one key; `part` is the manifest's."""

    key: str
    old: ManifestEntry | None
    new: SourceObject | None
    part: int


@dataclass(frozen=True, slots=True)
class ManifestStore:
    """Manifests in the bucket of the stage."""

    objects: ObjectStore
    bucket: str

    def head(self, key: str) -> ManifestHead | None:
        """Return the head of a manifest; None if there is none.

        A schedule whose work was replaced has the watermark of another kind, which is none.
        """
        if not key.endswith(f"/{HEAD}"):
            return None
        try:
            return ManifestHead.model_validate_json(self.objects.read(self.bucket, key))
        except NotFound:
            return None

    def write_head(self, run: Run, head: ManifestHead) -> str:
        """Complete the manifest of `run` and return the key of its head."""
        key = manifest_prefix(run) + HEAD
        self.objects.write(self.bucket, key, head.model_dump_json().encode(), {})
        return key

    def write_part(self, run: Run, part: int, entries: list[ManifestEntry]) -> None:
        """Write one file of entries."""
        key = f"{manifest_prefix(run)}{part:05d}.jsonl"
        self.objects.write(self.bucket, key, dump_lines(entries), {})

    def part(self, prefix: str, part: int) -> list[ManifestEntry]:
        """Return the entries of one file of the manifest under `prefix`."""
        body = self.objects.read(self.bucket, f"{prefix}{part:05d}.jsonl")
        return [ManifestEntry.model_validate_json(line) for line in body.splitlines()]

    def entries(
        self, head_key: str, first: int, parts: int, after: str
    ) -> Iterator[tuple[int, ManifestEntry]]:
        """Yield the entries behind the key `after`, from the file `first` on, with their files."""
        prefix = head_key.removesuffix(HEAD)
        for part in range(first, parts):
            for entry in self.part(prefix, part):
                if entry.key > after:
                    yield part, entry


def manifests_prefix(run: Run) -> str:
    """Return the prefix of the manifests of the schedule."""
    return schedule_prefix(run.tenant, run.order.schedule_id)


def manifest_prefix(run: Run) -> str:
    """Return the prefix of the manifest that the run writes."""
    return f"{manifests_prefix(run)}{run.job_id}/"


def merge(
    old: Iterator[tuple[int, ManifestEntry]], new: Iterator[SourceObject], part: int
) -> Iterator[KeyPair]:
    """Yield the keys of both in their order, with what each has under them.

    `part` is the file of the manifest that is read first. Python compares text by code points,
    which is the order of its bytes in UTF-8, and so that of S3's listings.
    """
    before, found = next(old, None), next(new, None)
    while before is not None or found is not None:
        if before is not None and (found is None or before[1].key < found.key):
            part, entry = before
            yield KeyPair(entry.key, entry, None, part)
            before = next(old, None)
        elif found is not None and (before is None or found.key < before[1].key):
            yield KeyPair(found.key, None, found, part)
            found = next(new, None)
        elif before is not None and found is not None:
            part, entry = before
            yield KeyPair(entry.key, entry, found, part)
            before, found = next(old, None), next(new, None)
