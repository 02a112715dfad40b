"""Folders of a path as the index can filter by them.

S3 Vectors documents no operator for prefixes, but `$eq` is true for an array that holds the
value. So a vector carries a hash of its document's path and one of each folder above it.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html
"""

from __future__ import annotations

import base64
import hashlib

MAX_DEPTH = 16
"""Folders above a file that can be asked for; hashes of more would take too much of the 2 KB."""

_HASH_CHARACTERS = 12
"""60 bits: two of a million paths of a tenant are alike with a chance of 4 in 10 million."""


def place_hash(place: str) -> str:
    """Return the hash of a path, or of a folder, which ends in "/"."""
    digest = hashlib.sha256(place.encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_HASH_CHARACTERS]


def place_hashes(path: str) -> tuple[str, ...]:
    """Return the hash of `path` and of up to `MAX_DEPTH` folders above it, outermost first."""
    parts = path.split("/")[:-1][:MAX_DEPTH]
    folders = ("/".join(parts[: depth + 1]) + "/" for depth in range(len(parts)))
    return (place_hash(path), *(place_hash(folder) for folder in folders))
