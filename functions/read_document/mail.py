"""Read a mail: its headers and text as one page, and its attachments.

RFC 5322 and MIME (RFC 2045 to 2047), by the standard library. Of alternatives the plain text is
read, or HTML if there is none. Images that the text displays are left out.
"""

from __future__ import annotations

import functools
import mimetypes
from dataclasses import dataclass, field
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from typing import cast

from chalicelib.documents.pages import Block, page_of
from chalicelib.errors import HeadraceError, InvalidInput, Unsupported
from functions.read_document.archive.members import is_litter
from functions.read_document.pages import Attachment, Extract
from functions.read_document.text import html, plain_text
from functions.read_document.text.encodings import decode

MAX_LINES = 2_000_000
MAX_PARTS = 50_000
MAX_CONTAINERS = 100
"""The deepest nesting of the parts of a mail: the parser's time grows with their depth."""

_SHOWN_HEADERS = ("From", "To", "Cc", "Reply-To", "Organization", "Date")
_PARSER_ERRORS = (MessageError, ValueError, LookupError, TypeError, AttributeError)
"""Errors of the standard library at headers that no mail program writes."""
_SIGNATURES = frozenset({"pgp-signature", "pkcs7-signature", "x-pkcs7-signature", "pgp-encrypted"})
_ENCRYPTED = frozenset({"pkcs7-mime", "x-pkcs7-mime"})
_GUESSABLE_BYTES = 64
"""A shorter text does not reveal its encoding; most mail programs that name none are western."""
_POLICY = policy.default.clone(refold_source="none", raise_on_defect=False)


@dataclass(slots=True)
class _MailParts:
    """The content of a part of a mail: its texts by kind, in order, and its files."""

    texts: list[tuple[str, list[Block]]] = field(default_factory=list)
    files: list[EmailMessage] = field(default_factory=list)
    pictures: int = 0
    encrypted: bool = False
    unreadable: int = 0

    def add(self, other: _MailParts) -> None:
        self.texts += other.texts
        self.files += other.files
        self.pictures += other.pictures
        self.encrypted = self.encrypted or other.encrypted
        self.unreadable += other.unreadable


def extract(data: bytes) -> Extract:
    """Return a mail as one page, with its attachments.

    Raises:
        InvalidInput: its parts nest too deep.
        Unsupported: it has too many parts or lines.
    """
    message = _parse(data)
    collected = _collect(message)
    attachments = _attachments(collected.files)
    blocks = [
        *_header_blocks(message, attachments),
        *(block for _, text in collected.texts for block in text),
    ]
    return Extract(
        "message/rfc822",
        (page_of(1, blocks),),
        attachments=attachments,
        notices=_notices(collected),
    )


def _parse(data: bytes) -> EmailMessage:
    lowered = data.lower()
    containers = lowered.count(b"multipart/") + lowered.count(b"message/rfc822")
    lines = max(data.count(b"\n"), data.count(b"\r"))
    for count, limit, unit in (
        (lines, MAX_LINES, "lines"),
        (data.count(b"\n--"), MAX_PARTS, "parts"),
        (containers, MAX_CONTAINERS, "parts that hold other parts"),
    ):
        if count > limit:
            raise Unsupported(
                f"The mail holds {count:,} {unit}; the limit is {limit:,}. Save its attachments and"
                " upload those.",
                field="file",
                limit=str(limit),
            )
    try:
        return BytesParser(policy=_POLICY).parsebytes(data)
    except RecursionError as error:
        raise InvalidInput("The parts of the mail nest too deep.", field="file") from error
    except _PARSER_ERRORS as error:
        raise InvalidInput(f"The mail is damaged: {error}.", field="file") from error


def _header_blocks(message: EmailMessage, attachments: tuple[Attachment, ...]) -> list[Block]:
    subject = _header(message, "Subject")
    lines = [f"{name}: {text}" for name in _SHOWN_HEADERS if (text := _header(message, name))]
    if subject:
        lines.append(f"Subject: {subject}")
    if attachments:
        lines.append("Attachments: " + ", ".join(file.name for file in attachments))
    return [Block(subject, 1), Block("\n".join(lines))]


def _header(message: EmailMessage, name: str) -> str:
    """Return a header in one line, decoded; unchanged if that fails."""
    try:
        return " ".join(str(message[name] or "").split())
    except _PARSER_ERRORS:
        raw = dict(message.raw_items()).get(name, "")
        return " ".join(str(raw).encode("utf-8", "replace").decode().split())


def _collect(part: EmailMessage) -> _MailParts:
    kind = part.get_content_type()
    if part.get_content_maintype() == "multipart":
        inner = [_collect(child) for child in _children(part)]
        return _choose_alternative(inner) if kind == "multipart/alternative" else _merge(inner)
    subtype = part.get_content_subtype()
    if subtype in _SIGNATURES:
        return _MailParts()
    if subtype in _ENCRYPTED:
        return _MailParts(encrypted=True)
    if kind in ("text/plain", "text/html") and not _is_file(part):
        return _read_text(part, kind)
    if part.get_content_maintype() == "image" and _is_inline(part):
        return _MailParts(pictures=1)
    return _MailParts(files=[part])


def _children(part: EmailMessage) -> list[EmailMessage]:
    payload = part.get_payload()
    return cast("list[EmailMessage]", payload) if isinstance(payload, list) else []


def _merge(inner: list[_MailParts]) -> _MailParts:
    whole = _MailParts()
    for part in inner:
        whole.add(part)
    return whole


def _choose_alternative(inner: list[_MailParts]) -> _MailParts:
    """Return the preferred one of alternative texts, and the files of all."""
    whole = _merge(inner)
    for kind in ("text/plain", "text/html"):
        for part in inner:
            chosen = [text for text in part.texts if text[0] == kind and text[1]]
            if chosen:
                whole.texts = chosen
                return whole
    return whole


def _read_text(part: EmailMessage, kind: str) -> _MailParts:
    data = _content(part)
    try:
        text = _decode(data, part.get_content_charset() or "", kind == "text/html")
        read = html.blocks(text) if kind == "text/html" else plain_text.blocks(text)
    except HeadraceError:
        return _MailParts(unreadable=1)
    return _MailParts(texts=[(kind, read)])


def _decode(data: bytes, charset: str, is_html: bool) -> str:
    for name in (charset, "utf-8"):
        try:
            return data.decode(name)
        except (LookupError, ValueError):
            continue
    is_short = len(data) < _GUESSABLE_BYTES
    return data.decode("cp1252", "replace") if is_short else decode(data, is_html=is_html)


def _content(part: EmailMessage) -> bytes:
    """Return the content of a part; for a mail within the mail, that mail."""
    if part.get_content_maintype() == "message":
        inner = _children(part)
        return _mail_bytes(inner[0]) if inner else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _mail_bytes(message: EmailMessage) -> bytes:
    try:
        return message.as_bytes(policy=_POLICY)
    except _PARSER_ERRORS as error:
        raise InvalidInput(f"A mail within the mail is damaged: {error}.", field="file") from error


def _attachments(files: list[EmailMessage]) -> tuple[Attachment, ...]:
    named_parts = [(_name(part, number), part) for number, part in enumerate(files, start=1)]
    return tuple(
        Attachment(name, len(str(part.get_payload())), functools.partial(_content, part))
        for name, part in named_parts
        if not is_litter(name)
    )


def _name(part: EmailMessage, number: int) -> str:
    """Return the name of an attachment: its own, a mail's subject, or its number and type."""
    try:
        name = part.get_filename() or ""
    except _PARSER_ERRORS:
        name = ""
    name = name.replace("\\", "/").rpartition("/")[2].strip()
    if name.strip("."):
        return name
    if part.get_content_maintype() == "message":
        subject = "".join(_header(child, "Subject") for child in _children(part)[:1])
        return f"{subject.replace('/', '-')[:80] or f'mail-{number}'}.eml"
    return f"attachment-{number}{mimetypes.guess_extension(part.get_content_type()) or ''}"


def _is_file(part: EmailMessage) -> bool:
    try:
        return part.get_content_disposition() == "attachment" or bool(part.get_filename())
    except _PARSER_ERRORS:
        return False


def _is_inline(part: EmailMessage) -> bool:
    try:
        return part.get_content_disposition() != "attachment" and bool(part["Content-ID"])
    except _PARSER_ERRORS:
        return False


def _notices(found: _MailParts) -> tuple[str, ...]:
    notices = []
    if found.encrypted:
        notices.append("A part of the mail is encrypted and could not be read.")
    if found.unreadable:
        notices.append(f"{found.unreadable} parts of the mail are text that could not be decoded.")
    if found.pictures:
        notices.append(f"{found.pictures} pictures within the text of the mail are not read.")
    return tuple(notices)
