"""Detection of kinds of text: by the model's guess, by their beginning, then by name.

The model needs some hundred bytes to be sure; short files are recognised by their beginning.
"""

from __future__ import annotations

import csv
import itertools
import json
import re

from functions.read_document.file_types.formats import ContentGuess, FileType, Format

_HEAD_BYTES = 64 * 1024
_TABLE_LINES = 20
_HEADER_LINES = 60
_HTML = FileType(Format.HTML, "text/html")
_MARKDOWN = FileType(Format.MARKDOWN, "text/markdown")
_RST = FileType(Format.RST, "text/x-rst")
_CSV = FileType(Format.CSV, "text/csv")
_TSV = FileType(Format.TSV, "text/tab-separated-values")
_JSON = FileType(Format.JSON, "application/json")
_JSONL = FileType(Format.JSONL, "application/jsonl")
_XML = FileType(Format.XML, "application/xml")
_EML = FileType(Format.EML, "message/rfc822")

_HTML_SUFFIXES = (".html", ".htm", ".xhtml")
_XML_LABELS = frozenset({"xml", "rdf", "csproj", "vcxproj", "jnlp"})
_CODE_SUFFIXES = {
    ".c": "c", ".h": "c", ".cc": "c++", ".cpp": "c++", ".hpp": "c++", ".cs": "csharp",
    ".css": "css", ".go": "golang", ".java": "java", ".js": "javascript", ".mjs": "javascript",
    ".jsx": "javascript", ".ts": "typescript", ".tsx": "typescript", ".kt": "kotlin",
    ".lua": "lua", ".php": "php", ".pl": "perl", ".ps1": "powershell", ".py": "python",
    ".r": "r", ".rb": "ruby", ".rs": "rust", ".scala": "scala", ".sh": "shellscript",
    ".sql": "sql", ".swift": "swift", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml",
}  # fmt: skip
_UNCONFIRMED = frozenset({"csv", "tsv", "json", "jsonl", "xml", "html", "eml"})
"""Labels that the content did not confirm."""
_PROSE_SUFFIXES = (".txt", ".text", ".log", ".md", ".markdown", ".rst", ".tex")
_PLAIN_SUFFIXES = (".txt", ".text", ".log")
_MARKDOWN_HEADING = re.compile(rb"^#{1,6} \S|^\S[^\n]*\n(?:={3,}|-{3,})\s*$", re.MULTILINE)
_HEADER_LINE = re.compile(rb"[!-9;-~]+:[ \t]?[^\n]*\n|[ \t]+\S[^\n]*\n")
_MAIL_HEADER = re.compile(
    rb"^(?:from|to|cc|subject|date|message-id|received|return-path|mime-version|reply-to|sender"
    rb"|delivered-to):",
    re.IGNORECASE,
)
_XML_START = re.compile(rb"<\?xml[ \t\r\n]|<[A-Za-z_][^\s<>]*[\s/>]")
_HTML_ROOT = re.compile(rb"<!doctype\s+html|<html[\s>]", re.IGNORECASE)


def text_type(data: bytes, suffix: str, guess: ContentGuess) -> FileType:
    """Return the type of the text of which `data` is the whole or the beginning."""
    head = data[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    return (
        _markup_type(head, suffix, guess)
        or _data_type(head, len(data) <= _HEAD_BYTES, suffix, guess)
        or _prose_or_code_type(head, suffix, guess)
    )


def is_mail(head: bytes) -> bool:
    """Return whether `head` begins with headers, two of which only a mail has.

    A first line that parted the mail from others of its mailbox is passed over.
    """
    mail_headers = 0
    at = head.find(b"\n") + 1 if head.startswith(b"From ") else 0
    for _ in range(_HEADER_LINES):
        line = _HEADER_LINE.match(head, at)
        if line is None:
            break
        mail_headers += bool(_MAIL_HEADER.match(line.group()))
        at = line.end()
    ends = head[at : at + 2].startswith((b"\n", b"\r\n")) or at == len(head)
    return mail_headers >= 2 and ends


def delimiter(head: str) -> str:
    """Return the delimiter that gives every line of `head` equally many columns, or ""."""
    lines = list(itertools.islice((line for line in head.splitlines() if line), _TABLE_LINES))
    best = max(",;\t|", key=lambda mark: _common_columns(lines, mark))
    return best if _common_columns(lines, best) > 1 else ""


def _common_columns(lines: list[str], mark: str) -> int:
    """Return the number of columns that `mark` gives to all of `lines`, 0 if they differ."""
    try:
        counts = {len(row) for row in csv.reader(lines, delimiter=mark) if row}
    except csv.Error:
        return 0
    return counts.pop() if len(counts) == 1 else 0


def _markup_type(head: bytes, suffix: str, guess: ContentGuess) -> FileType | None:
    if is_mail(head):
        return _EML
    if suffix in (".md", ".markdown") and not _HTML_ROOT.match(head):
        return _MARKDOWN
    if guess.label == "html" or (suffix in _HTML_SUFFIXES and b"<" in head):
        return _HTML
    is_xml = guess.label in _XML_LABELS or head.startswith(b"<?xml")
    if (is_xml or suffix in (".xml", ".rss", ".atom")) and _XML_START.match(head):
        return _HTML if _HTML_ROOT.search(head[:1024]) else _XML
    return None


def _data_type(head: bytes, whole: bool, suffix: str, guess: ContentGuess) -> FileType | None:
    text = head.decode(errors="replace")
    if head.startswith((b"{", b"[")) or suffix in (".jsonl", ".ndjson"):
        if _is_json_lines(text, whole, suffix):
            return _JSONL
        if suffix in (".json", ".geojson") or guess.label in ("json", "ipynb"):
            return _JSON
        if whole and _is_json(text):
            return _JSON
    if suffix in (".json", ".geojson") and guess.label in ("json", "txt") and _is_json(text):
        return _JSON
    if suffix in (".csv", ".tsv") or guess.label in ("csv", "tsv"):
        return _table_type(text, suffix)
    return None


def _table_type(text: str, suffix: str) -> FileType | None:
    mark = delimiter(text)
    if suffix == ".tsv" or mark == "\t":
        return _TSV
    return _CSV if mark or suffix == ".csv" else None


def _is_json_lines(text: str, whole: bool, suffix: str) -> bool:
    """Return whether each of the first lines is a JSON value."""
    lines = text.split("\n")
    if not whole:
        lines = lines[:-1]
    lines = list(itertools.islice((line for line in lines if line.strip()), _TABLE_LINES))
    needed = 1 if suffix in (".jsonl", ".ndjson") else 2
    return len(lines) >= needed and all(_is_json(line) for line in lines)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def _prose_or_code_type(head: bytes, suffix: str, guess: ContentGuess) -> FileType:
    # A plain text with a list in it looks like Markdown to Magika. In Markdown, lines that follow
    # each other are one paragraph, and `Date: 2025-04-02` would no longer be a line.
    if guess.label == "markdown":
        is_plain = suffix in _PLAIN_SUFFIXES and not _MARKDOWN_HEADING.search(head)
        return FileType(Format.PLAIN, "text/plain") if is_plain else _MARKDOWN
    if suffix == ".rst" or (guess.label == "rst" and suffix not in _CODE_SUFFIXES):
        return _RST
    by_name = _CODE_SUFFIXES.get(suffix)
    if by_name:
        return FileType(Format.CODE, f"text/x-{by_name}")
    is_text_label = guess.media_type.startswith("text/") and guess.label not in _UNCONFIRMED
    media_type = guess.media_type if is_text_label else "text/plain"
    is_code = guess.group == "code" and guess.label not in _UNCONFIRMED
    if is_code and suffix not in _PROSE_SUFFIXES:
        return FileType(Format.CODE, media_type)
    return FileType(Format.PLAIN, media_type)
