"""Read a ZIP archive as a page that lists its files, and the files as attachments."""

from __future__ import annotations

import functools
from collections import Counter

from chalicelib.documents.pages import Block, page_of
from chalicelib.documents.tables import table_blocks
from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.archive.members import MAX_MEMBERS, MAX_TOTAL_BYTES, is_litter
from functions.read_document.archive.zip_file import ZipEntry, ZipLimits, open_zip
from functions.read_document.pages import Attachment, Extract

_LIMITS = ZipLimits(entry_bytes=MAX_TOTAL_BYTES, total_bytes=MAX_TOTAL_BYTES)


def extract(data: bytes) -> Extract:
    """Return the listing of an archive, and its files, each unpacked when it is requested.

    Raises:
        Unsupported: it is locked, or contains too much.
        InvalidInput: it is damaged, empty or not safe to read, such as by a name that leads out.
    """
    archive = open_zip(data, _LIMITS)
    entries = [entry for entry in archive.entries if not is_litter(entry.name)]
    if not entries:
        raise InvalidInput("The archive holds no files.", field="file")
    if len(entries) > MAX_MEMBERS:
        raise Unsupported(
            f"The archive holds {len(entries):,} files; the limit is {MAX_MEMBERS:,}."
            " Split it into several.",
            field="file",
            limit=str(MAX_MEMBERS),
        )
    left_out = len(archive.entries) - len(entries)
    attachments = tuple(
        Attachment(entry.name, entry.size, functools.partial(archive.read, entry.name))
        for entry in entries
    )
    page = page_of(1, _listing(entries, left_out))
    return Extract("application/zip", (page,), attachments=attachments)


def _listing(entries: list[ZipEntry], left_out: int) -> list[Block]:
    """Return the blocks of the listing: file counts by suffix, then each file with its size."""
    suffixes = Counter(entry.name.rpartition(".")[2].lower() for entry in entries)
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common(10))
    total = sum(entry.size for entry in entries)
    lines = [f"An archive of {len(entries)} files with {total:,} bytes: {kinds}."]
    if left_out:
        lines.append(f"{left_out} files that operating systems leave behind are not read.")
    rows = [("file", "bytes"), *((entry.name, str(entry.size)) for entry in entries)]
    return [Block("\n".join(lines)), *table_blocks(rows)]
