"""Files of calls that a run has answered: one at a fixed place, or the new ones under a prefix.

Each file is copied first, as it was listed, so that what is answered is what the manifest says. The
files of a prefix become one input, in which ids are told apart by their files.

    jobs/{tenant}/{run_id}/files/00000.jsonl      the copies
    jobs/{tenant}/{run_id}/input/00000.jsonl      all of them together
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.batches.input_reader import split_lines
from chalicelib.contracts.base import Contract
from chalicelib.contracts.batches import MAX_ID_CHARACTERS, MAX_INPUT_BYTES, MAX_ITEMS
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.schedules.locations import S3Location, SourceObject, check_location
from functions.run_schedule.manifest import ManifestEntry, ManifestHead, ManifestStore, merge

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemStream
    from functions.run_schedule.destinations import GrantedLocations, Transfers
    from functions.run_schedule.kind import Run, RunObjects

MAX_FILES = 1_000
"""Files of one run: each is copied and read on its own."""
MAX_LISTED = 100_000
"""Objects under a prefix, each of which is compared in the memory of one step."""
ENTRIES = 1_000
HASH_CHARACTERS = 16
URI = "work.source.uri"


class FilesProgress(Contract):
    """The files that a run takes, those left for the next one, and the parts of its manifest."""

    files: int = 0
    left: int = 0
    manifest_parts: int = 0


@dataclass(slots=True)
class _Room:
    """The room that is left in a batch while files fill it."""

    lines: int = 0
    bytes: int = 0

    def has(self, lines: int, size: int) -> bool:
        return self.lines + lines <= MAX_ITEMS and self.bytes + size <= MAX_INPUT_BYTES

    def add(self, lines: int, size: int) -> None:
        self.lines += lines
        self.bytes += size


@dataclass(frozen=True, slots=True)
class FileSelector:
    """Brings the files of a run's source together as the input of its batch."""

    run: Run
    transfers: Transfers
    objects: RunObjects
    locations: GrantedLocations

    def take_object(self, uri: str) -> FilesProgress:
        """Take the file at `uri`.

        Raises:
            NotFound: there is none.
            InvalidInput: the tenant may not read it, or it is more than a batch takes.
        """
        place = self._place(uri)
        try:
            self._join(place, [ManifestEntry(key=place.key, etag="", size=0, modified="")])
        except NotFound as error:
            raise NotFound(
                f"There is no object {place.uri}: put the file of calls there before the schedule"
                " runs, or change the schedule.",
                field=URI,
            ) from error
        return FilesProgress(files=1)

    def take_prefix(self, uri: str) -> FilesProgress:
        """Take the files under `uri` that are new or changed since the watermark.

        Raises:
            InvalidInput: the tenant may not read there, there are too many objects, or a file is
                more than a batch takes.
        """
        place = self._place(uri)
        entries: list[ManifestEntry] = []
        changed: dict[str, ManifestEntry | None] = {}
        for old, new in self._compared(uri, place):
            if len(entries) == MAX_LISTED:
                raise _too_many(place)
            if old is not None and old.is_same(new):
                entries.append(old)
            elif new.size:
                changed[new.key] = old
                entries.append(_entry(new))
        wanted = [each for each in entries if each.key in changed]
        taken = self._join(place, wanted[:MAX_FILES], may_be_gone=True) if wanted else set()
        left = changed.keys() - taken
        parts = self._write_manifest(entries, {key: changed[key] for key in left})
        return FilesProgress(files=len(taken), left=len(left), manifest_parts=parts)

    def complete_manifest(self, uri: str, progress: FilesProgress) -> str:
        """Let the next run begin from the files of this one; return the manifest's key."""
        head = ManifestHead(uri=uri, collection="", parts=progress.manifest_parts)
        return self._store.write_head(self.run, head)

    @property
    def _store(self) -> ManifestStore:
        return ManifestStore(self.objects, self.run.bucket)

    def _place(self, uri: str) -> S3Location:
        run = self.run
        granted = self.locations.granted(run.tenant, writes=False)
        return check_location(uri, run.tenant, run.bucket, granted, writes=False)

    def _compared(
        self, uri: str, place: S3Location
    ) -> Iterator[tuple[ManifestEntry | None, SourceObject]]:
        """Yield what there is under the prefix now, with the entry of the last run."""
        key = self.run.order.watermark.key
        head = self._store.head(key) if key else None
        # One with a collection is that of a sync, which had no calls answered.
        known = head is not None and (head.uri, head.collection) == (uri, "")
        old = self._store.entries(key, 0, head.parts, "") if head and known else iter(())
        for pair in merge(old, self.transfers.listed(place), 0):
            if pair.new is not None:
                yield pair.old, pair.new

    def _write_manifest(
        self, entries: Sequence[ManifestEntry], left: dict[str, ManifestEntry | None]
    ) -> int:
        """Write what the next run compares with: files that are left are as they were before."""
        kept = [left.get(each.key, each) for each in entries]
        known = [each for each in kept if each is not None]
        for part, first in enumerate(range(0, len(known), ENTRIES)):
            self._store.write_part(self.run, part, known[first : first + ENTRIES])
        return -(-len(known) // ENTRIES)

    def _join(
        self, place: S3Location, wanted: Sequence[ManifestEntry], *, may_be_gone: bool = False
    ) -> set[str]:
        """Write files into one input as long as it has room; return the keys of those.

        With `may_be_gone`, one that was replaced or removed since the listing is left out, and so
        are those for which the step has no time left: the next run finds them.
        """
        taken: set[str] = set()
        room = _Room()
        with self.objects.writing(self.run.bucket, self.run.prefix + "input/00000.jsonl") as out:
            for n, entry in enumerate(wanted):
                if may_be_gone and taken and self.run.is_late():
                    break
                source = S3Location(place.bucket, entry.key)
                try:
                    copy = self._copy(source, n, entry.etag)
                except (Conflict, NotFound):
                    if may_be_gone:
                        continue
                    raise
                lines, size = self._measure(copy)
                if not room.has(lines, size):
                    if taken:
                        break
                    raise _too_much(source)
                name = entry.key.removeprefix(place.folder) if len(wanted) > 1 else ""
                self._append(copy, name, out)
                room.add(lines, size)
                taken.add(entry.key)
        return taken

    def _copy(self, source: S3Location, n: int, etag: str) -> str:
        key = f"{self.run.prefix}files/{n:05d}.jsonl"
        self.transfers.copy(source, S3Location(self.run.bucket, key), size=0, etag=etag)
        return key

    def _measure(self, key: str) -> tuple[int, int]:
        """Return how many lines and bytes a file has."""
        lines = size = 0
        for line in split_lines(self.objects.stream(self.run.bucket, key)):
            lines, size = lines + 1, line.start + line.length
            if lines > MAX_ITEMS or size > MAX_INPUT_BYTES:
                break
        return lines, size

    def _append(self, key: str, name: str, out: ItemStream) -> None:
        """Append a file, whose lines end in a line break; ids get its name, if it has one."""
        bucket, last = self.run.bucket, b"\n"
        if not name:
            for piece in self.objects.stream(bucket, key):
                out.write(piece)
                last = piece[-1:]
            out.write(b"" if last == b"\n" else b"\n")
            return
        for line in split_lines(self.objects.stream(bucket, key)):
            if line.body is None:  # too long to be kept, which the batch will say of it
                for piece in self.objects.stream(bucket, key, line.start, line.start + line.length):
                    out.write(piece)
                out.write(b"\n")
            else:
                out.write(told_apart(line.body, name) + b"\n")


def told_apart(line: bytes, name: str) -> bytes:
    """Return a line whose id also names its file; one without an id stays as it is."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(fields, dict):
        return line
    field = "custom_id" if "custom_id" in fields else "id"
    if not isinstance(fields.get(field), str) or not fields[field]:
        return line
    told = {**fields, field: unique_id(name, fields[field])}
    try:  # no longer than it was, but for the name: escapes take up to three times the bytes
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair can only be written as an escape
        return json.dumps(told).encode()


def unique_id(name: str, id_: str) -> str:
    """Return an id of a line that is unique among files, and no longer than ids may be."""
    for before, after in ((name, id_), (_digest(name), id_)):
        if len(before) + len(after) < MAX_ID_CHARACTERS:
            return f"{before}#{after}"
    return f"{_digest(name)}#{_digest(id_)}"


def files_notes(progress: FilesProgress) -> Iterator[str]:
    """Yield what a reader should know of the files that were not taken."""
    if progress.left:
        files = "file is" if progress.left == 1 else "files are"
        yield f"{progress.left} {files} left to the next run: one run takes no more."


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_CHARACTERS]


def _entry(found: SourceObject) -> ManifestEntry:
    return ManifestEntry(key=found.key, etag=found.etag, size=found.size, modified=found.modified)


def _too_many(place: S3Location) -> InvalidInput:
    return InvalidInput(
        f"There are more than {MAX_LISTED:,} objects under {place.uri}: remove files that were"
        " answered, or name a prefix that holds fewer.",
        field=URI,
        limit=str(MAX_LISTED),
    )


def _too_much(source: S3Location) -> InvalidInput:
    return InvalidInput(
        f"{source.uri} has more than the {MAX_ITEMS} lines or {MAX_INPUT_BYTES} bytes that a batch"
        " takes; cut it into several files under a prefix.",
        field=URI,
        limit=str(MAX_ITEMS),
    )
