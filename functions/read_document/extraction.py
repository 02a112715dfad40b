"""Extract the pages of a file by the module of its format.

A module, and the library it depends on, is imported at the first file of its format: a cold start
pays for one of them.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Protocol, cast

from chalicelib.documents.pages import Block, characters, page_of
from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.file_types.detection import file_type
from functions.read_document.file_types.formats import YAML_TYPE, FileType, Format, Identify
from functions.read_document.pages import Extract
from functions.read_document.text.encodings import as_utf8, decode
from functions.read_document.text.language import language_of, load_model

_EXTRACTORS = {
    Format.PDF: "pdf.pdf_document",
    Format.CSV: "text.csv_tables",
    Format.TSV: "text.csv_tables",
    Format.JSON: "text.json_values",
    Format.JSONL: "text.json_lines",
    Format.XML: "text.xml_values",
    Format.EML: "mail",
    Format.ZIP: "archive.zip_listing",
    Format.DOCX: "office.docx",
    Format.PPTX: "office.pptx",
    Format.XLSX: "office.xlsx",
    Format.ODT: "office.odf",
    Format.ODS: "office.odf",
    Format.ODP: "office.odf",
    Format.RTF: "office.rtf",
    Format.EPUB: "office.epub",
}
"""The modules that extract the pages of a whole file, by its format."""

_LIBRARIES = {
    Format.DOCX: ("docx", "lxml.etree"),
    Format.PPTX: ("pptx", "lxml.etree"),
    Format.XLSX: ("openpyxl", "lxml.etree"),
    **dict.fromkeys((Format.ODT, Format.ODS, Format.ODP, Format.RTF, Format.EPUB), ("lxml.etree",)),
}
"""The libraries that those modules import where they need them."""

_TEXT_PARSERS = {
    Format.HTML: "text.html",
    Format.MARKDOWN: "text.markdown",
    Format.RST: "text.rst",
}
"""The modules that split text into blocks; any other text is split by `text.plain_text`."""

MAX_CHARACTERS = 40_000_000
MAX_PAGE_CHARACTERS = 8_000_000
"""The most text that `chunk_document` can cut before its timeout, with a margin."""


class _Extractor(Protocol):
    """The interface of the modules in `_EXTRACTORS`."""

    def extract(self, data: bytes) -> Extract:
        """Return the pages of `data`; raise `Unsupported` or `InvalidInput`."""


class _TextParser(Protocol):
    """The interface of the modules in `_TEXT_PARSERS`."""

    def blocks(self, text: str) -> list[Block]:
        """Return `text` as blocks."""


def read_pages(data: bytes, kind: FileType) -> Extract:
    """Return the pages of `data`, which is of `kind`.

    Raises:
        Unsupported: the file is in a state that is not read.
        InvalidInput: it is damaged.
    """
    extractor = _EXTRACTORS.get(kind.format)
    if extractor is not None:
        return cast("_Extractor", _load(extractor)).extract(data)
    text = decode(data, is_html=kind.format is Format.HTML)
    if kind.format is Format.CODE:
        from functions.read_document.text import plain_text, yaml_paths

        read = yaml_paths.yaml_page if kind.media_type == YAML_TYPE else plain_text.code_page
        return Extract(kind.media_type, (read(text),))
    parser = cast("_TextParser", _load(_TEXT_PARSERS.get(kind.format, "text.plain_text")))
    return Extract(kind.media_type, (page_of(1, parser.blocks(text)),))


def load_extractor(kind: FileType) -> None:
    """Load what it takes to extract files of `kind`, so that no forked child has to.

    A child that loads something loses it, and the next one loads it again.
    """
    if kind.format in (Format.PICTURE, Format.RECORDING):
        return
    text_parser = _TEXT_PARSERS.get(kind.format, "text.plain_text")
    _load(_EXTRACTORS.get(kind.format, text_parser))
    for library in _LIBRARIES.get(kind.format, ()):
        import_module(library)
    load_model()


def _load(name: str) -> object:
    return import_module(f"{__package__}.{name}")


def extract(data: bytes, path: str, identify: Identify) -> Extract:
    """Return the text of `data` by pages.

    Raises:
        Unsupported: the file is of a kind, or in a state, that is not read.
        InvalidInput: the file is damaged or holds no text.
    """
    data = as_utf8(data)
    return extract_as(data, file_type(data, path, identify))


def extract_as(data: bytes, kind: FileType) -> Extract:
    """Return the text of `data`, which is of `kind`, by pages; raise as `extract` does."""
    return check_extract(read_pages(data, kind))


def check_extract(read: Extract) -> Extract:
    """Return an extract with its language, once it is within the limits.

    Raises:
        InvalidInput: it has no text, and no image of any.
        Unsupported: it has too much.
    """
    if not (read.pages_needing_ocr or any(page.text.strip() for page in read.pages)):
        raise InvalidInput("The file holds no text.", field="file")
    _check_length("The file", characters(read.pages), MAX_CHARACTERS)
    for page in read.pages:
        _check_length(f"Page {page.page}", len(page.text), MAX_PAGE_CHARACTERS)
    return replace(read, language=read.language or language_of(read.pages))


def _check_length(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise Unsupported(
            f"{what} holds {count:,} characters of text; the limit is {limit:,}."
            " Split it into several files.",
            field="file",
            limit=str(limit),
        )
