"""Put the files of an archive or of a mail into the inbox as documents of their own.

Each is put into the inbox below its container, with the container's id and its depth in its user
metadata. From there it is processed like every upload. The names are stored before the first member
is put, so that after an interruption all members that were put can be found and removed.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from chalicelib.contracts.inbox_metadata import CORRELATION, InboxMetadata, Member
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.errors import HeadraceError, InvalidInput, NotFound, Unsupported
from chalicelib.retrieval.ids import InboxPlace, check_path, members_key

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import ReadRequest
    from chalicelib.contracts.objects import ObjectStore
    from functions.read_document.pages import Attachment

MEBIBYTE = 1024 * 1024
MAX_MEMBERS = 1_000
MAX_TOTAL_BYTES = 512 * MEBIBYTE
MAX_DEPTH = 3
"""The most containers around a file."""
SHA256 = "sha256"
"""The user metadata with the hash of a member's bytes, so that a repeat need not put them."""

_LITTER = re.compile(
    r"(?:^|/)(?:__MACOSX/.*|\.DS_Store|\._[^/]*|Thumbs\.db|desktop\.ini|smime\.p7s)$",
    re.IGNORECASE,
)
_UNSAFE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class StoredMembers:
    """The count of members put into the inbox, and notices about those that were not."""

    count: int = 0
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _PlacedMember:
    """A member and its place in the inbox."""

    place: InboxPlace
    attachment: Attachment


@dataclass(slots=True)
class _SkippedMembers:
    """The members that are skipped, by reason."""

    max_bytes: int
    large: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)

    def notices(self) -> tuple[str, ...]:
        notices = (
            (self.large, f"they have more than {self.max_bytes / MEBIBYTE:.0f} MiB"),
            (self.empty, "they are empty"),
            (self.damaged, "they are damaged"),
            (self.misnamed, "their path would be too long"),
        )
        return tuple(_notice(names, why) for names, why in notices if names)


def is_litter(name: str) -> bool:
    """Return whether a file is a by-product of an operating system or a mail program."""
    return bool(_LITTER.search(name))


@dataclass(frozen=True, slots=True)
class UnpackedFile:
    """The bytes of an attachment in a file of their own, or the reason that there are none."""

    path: Path
    error: HeadraceError | None = None

    def __call__(self) -> bytes:
        """Return the bytes; raise the reason."""
        if self.error is not None:
            raise self.error
        return self.path.read_bytes()


def unpack(
    attachments: Sequence[Attachment], folder: Path, max_bytes: int
) -> tuple[Attachment, ...]:
    """Return `attachments` with their bytes in files of `folder`, one in memory at a time.

    Those of more than `max_bytes` are left: nobody reads them.

    Raises:
        Unsupported: there are too many, or they are too large together.
    """
    _check_limits(attachments)
    return tuple(
        _unpack(attachment, folder / f"member-{number}")
        if attachment.size <= max_bytes
        else replace(attachment, read=UnpackedFile(folder, Unsupported("It is too large.")))
        for number, attachment in enumerate(attachments, start=1)
    )


def _unpack(attachment: Attachment, path: Path) -> Attachment:
    try:
        path.write_bytes(attachment.read())
    except (InvalidInput, Unsupported) as error:
        return replace(attachment, read=UnpackedFile(path, error))
    return replace(attachment, read=UnpackedFile(path))


def put_members(
    attachments: Sequence[Attachment], container: ReadRequest, objects: ObjectStore, max_bytes: int
) -> StoredMembers:
    """Put `attachments` of at most `max_bytes` each into the inbox, below `container`.

    Idempotent: a member that is there with the same bytes already is left as it is. One member is
    in memory at a time.

    Raises:
        InvalidInput: a name leads out of the container, or no member can be unpacked.
        Unsupported: there are too many members, or they are too large together.
    """
    if not attachments:
        return StoredMembers()
    _check_limits(attachments)
    if container.depth >= MAX_DEPTH:
        return StoredMembers(notices=(_too_deep(len(attachments), container.depth),))
    left_out = _SkippedMembers(max_bytes)
    placed = list(_place_members(attachments, container, left_out))
    members = (Member(document_id=it.place.document_id, path=it.place.path) for it in placed)
    key = members_key(container.tenant, container.document_id, container.version)
    objects.write(container.bucket, key, dump_lines(members), {})
    carried = InboxMetadata(
        container.correlation_id, container.metadata, container.document_id, container.depth + 1
    ).written()
    members_put = sum(
        _put_member(member, container.bucket, carried, objects, left_out) for member in placed
    )
    if not members_put and left_out.damaged:
        raise InvalidInput(
            "None of its files can be unpacked: it is damaged. Make it again and upload it.",
            field="file",
        )
    return StoredMembers(members_put, left_out.notices())


def clean_name(name: str) -> str:
    """Return the path of a member below its container, "" if nothing is left of it.

    Raises `InvalidInput` if it leads out of the container.
    """
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InvalidInput(
            f"It is not safe to read: the file name {name[:80]!r} leads out of it.", field="file"
        )
    return "/".join(parts)


def _check_limits(attachments: Sequence[Attachment]) -> None:
    if len(attachments) > MAX_MEMBERS:
        raise Unsupported(
            f"It holds {len(attachments):,} files; the limit is {MAX_MEMBERS:,}.",
            field="file",
            limit=str(MAX_MEMBERS),
        )
    if sum(attachment.size for attachment in attachments) > MAX_TOTAL_BYTES:
        raise Unsupported(
            f"Its files have more than {MAX_TOTAL_BYTES // MEBIBYTE} MiB together, which is the"
            " limit.",
            field="file",
            limit=str(MAX_TOTAL_BYTES),
        )


def _too_deep(count: int, depth: int) -> str:
    return (
        f"{count} files within it are not read: it lies {depth} containers deep itself, and a file"
        f" may lie at most {MAX_DEPTH} deep. Upload it by itself."
    )


def _place_members(
    attachments: Sequence[Attachment], container: ReadRequest, left_out: _SkippedMembers
) -> Iterator[_PlacedMember]:
    """Yield the members that have a place, each with a unique one."""
    used_names: set[str] = set()
    for number, attachment in enumerate(attachments, start=1):
        name = clean_name(attachment.name) or f"file-{number}"
        path = _member_path(container.path, _unused_name(name, used_names))
        if attachment.size > left_out.max_bytes:
            left_out.large.append(name)
        elif not path:
            left_out.misnamed.append(name)
        else:
            place = InboxPlace(container.tenant, container.collection, path)
            yield _PlacedMember(place, attachment)


def _unused_name(name: str, taken: set[str]) -> str:
    """Return `name`, numbered before its suffix if it is used already, and mark it used."""
    path = PurePosixPath(name)
    number, unused = 1, name
    while unused in taken:
        number += 1
        unused = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    taken.add(unused)
    return unused


def _member_path(folder: str, name: str) -> str:
    """Return the path of a member, with a hash as its name if it is too long; or ""."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    for short in (name, digest + PurePosixPath(name).suffix[:12], digest):
        path = f"{folder}/{short}"
        try:
            check_path(path)
        except InvalidInput:
            continue
        return path
    return ""


def _put_member(
    member: _PlacedMember,
    bucket: str,
    carried: Mapping[str, str],
    objects: ObjectStore,
    left_out: _SkippedMembers,
) -> bool:
    """Put a member unless its bytes are there already; return False if it is left out."""
    try:
        body = member.attachment.read()
    except (InvalidInput, Unsupported):
        left_out.damaged.append(member.attachment.name)
        return False
    if not body:
        left_out.empty.append(member.attachment.name)
        return False
    written = {**carried, SHA256: hashlib.sha256(body).hexdigest()}
    if not _is_stored(bucket, member.place.key, written, objects):
        objects.write(bucket, member.place.key, body, written)
    return True


def _is_stored(bucket: str, key: str, written: Mapping[str, str], objects: ObjectStore) -> bool:
    """Return whether the object has that metadata already, whatever request wrote it."""
    try:
        metadata = objects.metadata(bucket, key)
    except NotFound:
        return False
    return {**metadata, CORRELATION: ""} == {**written, CORRELATION: ""}


def _notice(names: Sequence[str], why: str) -> str:
    shown = ", ".join(name[:80] for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"Files within it that are not read because {why}: {len(names)}. {shown}{more}."
