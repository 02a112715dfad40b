"""The SQLite tables of S3, and the records that are read from them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counters VALUES ('sequence', 0);
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    versioning TEXT NOT NULL,
    eventbridge INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS configurations (
    bucket TEXT NOT NULL REFERENCES buckets (name) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (bucket, kind)
);
CREATE TABLE IF NOT EXISTS versions (
    sequence INTEGER PRIMARY KEY,
    bucket TEXT NOT NULL REFERENCES buckets (name),
    key TEXT NOT NULL,
    version_id TEXT NOT NULL,
    latest INTEGER NOT NULL,
    marker INTEGER NOT NULL,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    details TEXT NOT NULL,
    tags TEXT NOT NULL,
    layout TEXT NOT NULL,
    UNIQUE (bucket, key, version_id)
);
CREATE UNIQUE INDEX IF NOT EXISTS latest_versions ON versions (bucket, key) WHERE latest = 1;
CREATE INDEX IF NOT EXISTS version_history ON versions (bucket, key, sequence DESC);
CREATE TABLE IF NOT EXISTS uploads (
    upload_id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    bucket TEXT NOT NULL REFERENCES buckets (name) ON DELETE CASCADE,
    key TEXT NOT NULL,
    initiated INTEGER NOT NULL,
    details TEXT NOT NULL,
    tags TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key, sequence);
CREATE TABLE IF NOT EXISTS parts (
    upload_id TEXT NOT NULL REFERENCES uploads (upload_id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    extents TEXT NOT NULL,
    PRIMARY KEY (upload_id, number)
);
CREATE TABLE IF NOT EXISTS blob_uses (
    blob TEXT NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (blob, owner)
);
CREATE INDEX IF NOT EXISTS blob_uses_by_owner ON blob_uses (owner);
CREATE TABLE IF NOT EXISTS outbox (sequence INTEGER PRIMARY KEY, event TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class BucketRecord:
    """A bucket. `versioning` is `""` (never set), `Enabled` or `Suspended`."""

    name: str
    created: int
    versioning: str
    eventbridge: bool

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> BucketRecord:
        """Return the bucket of a row of `buckets`."""
        return cls(row["name"], row["created"], row["versioning"], bool(row["eventbridge"]))


@dataclass(frozen=True, slots=True)
class BlobExtent:
    """`length` bytes of a blob file, from `start`."""

    blob: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class ObjectChecksum:
    """A base64 checksum; `kind` is `FULL_OBJECT` or `COMPOSITE`."""

    algorithm: str
    value: str
    kind: str


@dataclass(frozen=True, slots=True)
class PartSummary:
    """A part of a completed multipart object; `checksum` is base64 or empty."""

    number: int
    size: int
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class ObjectMetadata:
    """The metadata of an object: headers, user metadata, storage class and checksum."""

    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = "STANDARD"
    checksum: ObjectChecksum | None = None

    def to_json(self) -> str:
        """Return the JSON text of the `details` column."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ObjectMetadata:
        """Parse a `details` column."""
        values: dict[str, Any] = json.loads(text)
        checksum = values.pop("checksum")
        return cls(**values, checksum=ObjectChecksum(**checksum) if checksum else None)


@dataclass(frozen=True, slots=True)
class ObjectLayout:
    """The blobs that hold an object; `parts` is empty unless it was a multipart upload."""

    extents: Sequence[BlobExtent] = ()
    parts: Sequence[PartSummary] = ()

    def to_json(self) -> str:
        """Return the JSON text of the `layout` column."""
        return json.dumps(
            {
                "extents": [[e.blob, e.start, e.length] for e in self.extents],
                "parts": [[p.number, p.size, p.checksum] for p in self.parts],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> ObjectLayout:
        """Parse a `layout` column."""
        values = json.loads(text)
        return cls(
            tuple(BlobExtent(*e) for e in values["extents"]),
            tuple(PartSummary(*p) for p in values["parts"]),
        )


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of a key, or a delete marker; newer versions have a higher `rank`."""

    key: str
    version_id: str
    rank: int
    latest: bool
    marker: bool
    etag: str
    size: int
    modified: int
    details: ObjectMetadata
    tags: Mapping[str, str]
    layout: ObjectLayout = ObjectLayout()

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> ObjectVersion:
        """Return the version of a row of `versions`, which may lack the layout."""
        has_layout = "layout" in row.keys()  # noqa: SIM118 - `in` a row tests its values
        return cls(
            key=row["key"],
            version_id=row["version_id"],
            rank=row["sequence"],
            latest=bool(row["latest"]),
            marker=bool(row["marker"]),
            etag=row["etag"],
            size=row["size"],
            modified=row["modified"],
            details=ObjectMetadata.from_json(row["details"]),
            tags=json.loads(row["tags"]),
            layout=ObjectLayout.from_json(row["layout"]) if has_layout else ObjectLayout(),
        )


@dataclass(frozen=True, slots=True)
class MultipartUploadRecord:
    """A multipart upload in progress. `details.checksum.value` is empty until it completes."""

    upload_id: str
    rank: int
    bucket: str
    key: str
    initiated: int
    details: ObjectMetadata
    tags: Mapping[str, str]

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> MultipartUploadRecord:
        """Return the upload of a row of `uploads`; the oldest has the highest rank."""
        return cls(
            row["upload_id"],
            -row["sequence"],
            row["bucket"],
            row["key"],
            row["initiated"],
            ObjectMetadata.from_json(row["details"]),
            json.loads(row["tags"]),
        )


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """An uploaded part; `checksum` is base64 in the upload's algorithm."""

    number: int
    etag: str
    size: int
    modified: int
    checksum: str
    extents: Sequence[BlobExtent]

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> UploadedPart:
        """Return the part of a row of `parts`."""
        return cls(
            row["number"],
            row["etag"],
            row["size"],
            row["modified"],
            row["checksum"],
            tuple(BlobExtent(*e) for e in json.loads(row["extents"])),
        )
