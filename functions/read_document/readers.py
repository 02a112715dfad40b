"""Which module reads which format.

A module, and the library it stands on, is imported at the first file of its format: a cold start
pays for one of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from functions.read_document.decode import decode
from functions.read_document.filetype import FileType, Format
from functions.read_document.pages import Block, Extract, page_of


def read(data: bytes, kind: FileType) -> Extract:
    """Return the pages of `data`, which is of `kind`.

    Raises:
        Unsupported: the file is in a state that is not read.
        InvalidInput: it is damaged.
    """
    match kind.format:
        case Format.PDF:
            from functions.read_document import pdf

            return pdf.extract(data)
        case Format.HTML:
            from functions.read_document import html

            return _one_page(kind, html.blocks(decode(data, is_html=True)))
        case Format.MARKDOWN:
            from functions.read_document import markdown

            return _one_page(kind, markdown.blocks(decode(data)))
        case Format.PLAIN:
            from functions.read_document import plain

            return _one_page(kind, plain.blocks(decode(data)))


def _one_page(kind: FileType, blocks: Iterable[Block]) -> Extract:
    return Extract(kind.media_type, (page_of(1, blocks),))
