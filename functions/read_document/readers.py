"""Which module reads which format.

A module, and the library it stands on, is imported at the first file of its format: a cold start
pays for one of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from functions.read_document.decode import decode
from functions.read_document.filetype import FileType, Format
from functions.read_document.pages import Block, Extract, page_of

_WHOLE = {
    Format.PDF: "pdf",
    Format.CSV: "csvs",
    Format.TSV: "csvs",
    Format.JSON: "jsons",
    Format.JSONL: "jsonl",
    Format.XML: "xmls",
    Format.EML: "mail",
    Format.ZIP: "archive",
    Format.DOCX: "docx",
    Format.PPTX: "pptx",
    Format.XLSX: "xlsx",
    Format.ODT: "odf",
    Format.ODS: "odf",
    Format.ODP: "odf",
    Format.RTF: "rtf",
    Format.EPUB: "epub",
}
"""The modules that read a file of a format, whole."""

_TEXT = {Format.HTML: "html", Format.MARKDOWN: "markdown"}
"""The modules that part text into blocks; other text is parted by `plain`."""


class _Reader(Protocol):
    """What a module of `_WHOLE` has."""

    def extract(self, data: bytes) -> Extract:
        """Return the pages of `data`; raise `Unsupported` or `InvalidInput`."""


class _Parter(Protocol):
    """What a module of `_TEXT` has."""

    def blocks(self, text: str) -> list[Block]:
        """Return `text` in blocks."""


def read(data: bytes, kind: FileType) -> Extract:
    """Return the pages of `data`, which is of `kind`.

    Raises:
        Unsupported: the file is in a state that is not read.
        InvalidInput: it is damaged.
    """
    whole = _WHOLE.get(kind.format)
    if whole is not None:
        return cast(_Reader, _module(whole)).extract(data)
    text = decode(data, is_html=kind.format is Format.HTML)
    if kind.format is Format.CODE:
        from functions.read_document import code

        return Extract(kind.media_type, (code.page(text),))
    parter = cast(_Parter, _module(_TEXT.get(kind.format, "plain")))
    return Extract(kind.media_type, (page_of(1, parter.blocks(text)),))


def _module(name: str) -> object:
    return import_module(f"{__package__}.{name}")
