"""WebDataset archives: tar files, in which a row's files follow each other and share their name.

    0001.jpg, 0001.txt            a picture and its caption
    0002.jpg, 0002.cls            a picture and its class
    0003.png, 0003.json           a picture, and the other fields of its row

Nothing is extracted under a name that an archive says. https://github.com/webdataset/webdataset
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.training_data.pictures import MAX_IMAGE_BYTES, SUFFIXES
from models.training_data.problems import ProblemLog
from models.training_data.tables import SourceRecord

MAX_TEXT_BYTES = 4 * 2**20
MAX_UNPACKED_BYTES = 64 * 2**30
"""What the files of one archive may have together: a small compressed one could fill the disk."""
_FIELDS = {"txt": "text", "text": "text", "caption": "text", "cls": "label", "title": "title"}


def read_archive(path: Path, name: str, scratch: Path, log: ProblemLog) -> Iterator[SourceRecord]:
    """Yield the rows of an archive; pictures are put into `scratch`."""
    if path.is_symlink():
        log.add("symlink", name)
        return
    key, fields, unpacked = "", dict[str, Any](), 0
    try:
        with tarfile.open(path, "r:*") as archive:
            for entry in archive:
                if entry.isdir():
                    continue
                if not _is_safe(entry, name, log):
                    continue
                unpacked += entry.size
                if unpacked > MAX_UNPACKED_BYTES:
                    log.add("too_large", name, f"its files have over {MAX_UNPACKED_BYTES:,} bytes")
                    break
                base, _, ending = Path(entry.name).name.partition(".")
                found = str(Path(entry.name).parent / base)
                if found != key and fields:
                    yield SourceRecord(f"{name}, {key}", fields, folder=scratch)
                    fields = {}
                key = found
                _add_field(archive, entry, ending.lower(), fields, scratch, f"{name}, {key}", log)
    except (tarfile.TarError, OSError, EOFError) as error:
        log.add("broken_archive", name, str(error))
    if fields:
        yield SourceRecord(f"{name}, {key}", fields, folder=scratch)


def _is_safe(entry: tarfile.TarInfo, name: str, log: ProblemLog) -> bool:
    if entry.name.startswith("/") or ".." in Path(entry.name).parts:
        log.add("outside_path", name, entry.name)
        return False
    if not entry.isfile():
        log.add("symlink" if entry.issym() or entry.islnk() else "broken_archive", name, entry.name)
        return False
    return True


def _add_field(
    archive: tarfile.TarFile,
    entry: tarfile.TarInfo,
    ending: str,
    fields: dict[str, Any],
    scratch: Path,
    place: str,
    log: ProblemLog,
) -> None:
    is_image = f".{ending}" in SUFFIXES
    limit = MAX_IMAGE_BYTES if is_image else MAX_TEXT_BYTES
    if entry.size > limit:
        log.add("huge_image" if is_image else "long_row", place, f"{entry.size:,} bytes")
        return
    opened = archive.extractfile(entry)
    if opened is None:
        return
    with opened:
        content = opened.read()
    if is_image:
        kept = f"{hashlib.sha256(content).hexdigest()[:32]}.{ending}"
        (scratch / kept).write_bytes(content)
        fields["file"] = kept
        return
    try:
        text = content.decode("utf-8-sig")
        if ending == "json":
            more = json.loads(text)
            fields.update({**more, **fields} if isinstance(more, dict) else {})
        elif ending in _FIELDS:
            fields[_FIELDS[ending]] = text.strip()
        else:
            log.add("other_file", place, entry.name)
    except UnicodeDecodeError:
        log.add("encoding", place, entry.name)
    except ValueError as error:
        log.add("broken_json", place, str(error))
