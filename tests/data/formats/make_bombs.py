"""Makes files that unpack, nest or run on far beyond what a reader may hold, piece by piece.

They are made when a test needs them. What takes seconds to read grows with its size, and has its
whole size in a soak only.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.data.formats.make_hostile import parts_of
from tests.soak import often

MEBIBYTE = 1024 * 1024


def _repeated(piece: bytes, size: int, *, first: bytes = b"", last: bytes = b"") -> Iterator[bytes]:
    yield first
    block = piece * (MEBIBYTE // len(piece))
    for _ in range(size // MEBIBYTE):
        yield block
    yield last


def _bomb(path: Path, name: str, part: str, pieces: Iterator[bytes]) -> None:
    """Write a sample with one part exchanged for what `pieces` hold."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for kept, data in (parts_of(name) if name else {}).items():
            if kept != part:
                archive.writestr(kept, data)
        with archive.open(part, "w") as target:
            for piece in pieces:
                target.write(piece)


def _line(path: Path, size: int, first: bytes = b"", piece: bytes = b"0123456789abcdef") -> None:
    with path.open("wb") as file:
        file.writelines(_repeated(piece, size, first=first))


def _paragraphs(size: int, repeat: int = 1) -> Iterator[bytes]:
    """Yield the text of a document whose parts differ, so that it does not pack too well.

    Each paragraph has its word `repeat` times: fewer paragraphs are sooner written and read.
    """
    words = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    yield f'<w:document xmlns:w="{words}"><w:body>'.encode()
    written = number = 0
    while written < size:
        piece = b"".join(
            b"<w:p><w:r><w:t>%b</w:t></w:r></w:p>"
            % (b"%x " % zlib.crc32(b"%d" % (number + n)) * repeat)
            for n in range(1_000)
        )
        number, written = number + 1_000, written + len(piece)
        yield piece
    yield b"</w:body></w:document>"


def _stream_pdf(path: Path, size: int) -> None:
    """Write a PDF whose page unpacks to `size` bytes of spaces behind some text."""
    packer = zlib.compressobj(9)
    begin = b"BT /F1 12 Tf 1 1 Td (Small.) Tj ET"
    stream = b"".join(packer.compress(piece) for piece in _repeated(b" ", size, first=begin))
    stream += packer.flush()
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources 6 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Font<</F1 5 0 R>>>>",
    )
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        for number, body in enumerate(objects, 1):
            file.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        file.write(b"trailer<</Size 7/Root 1 0 R>>\n%%EOF\n")


def _five_gigabytes(path: Path) -> None:
    """Write a file that claims five gigabytes of this disk, and holds nothing."""
    with path.open("wb") as file:
        file.truncate(5 * 1024 * MEBIBYTE)


BOMBS: dict[str, Callable[[Path], None]] = {
    "line.csv": lambda path: _line(path, 48 * MEBIBYTE, b"id,town\n1,Bern\n2,"),
    "quote.csv": lambda path: _line(path, 24 * MEBIBYTE, b'id,town\n1,Bern\n2,"', b"x,y,z,w\n"),
    "line.jsonl": lambda path: _line(path, 24 * MEBIBYTE, b'{"a": 1}\n{"b": "'),
    "line.txt": lambda path: _line(path, 24 * MEBIBYTE, b"It begins. "),
    "zeros.txt": lambda path: _line(path, 24 * MEBIBYTE, b"It begins. ", b"\0"),
    "deep.json": lambda path: _line(path, 8 * MEBIBYTE, piece=b"["),
    "open.html": lambda path: _line(path, 24 * MEBIBYTE, b"<!doctype html><p>", b"<b><i><u>"),
    "open.xml": lambda path: _line(path, 24 * MEBIBYTE, b"<?xml version='1.0'?><a>", b"<a b='c'>"),
    "open.rtf": lambda path: _line(path, often(16, 2) * MEBIBYTE, b"{\\rtf1 ", b"{\\b a}"),
    "headers.eml": lambda path: _line(path, 24 * MEBIBYTE, b"From: a@example.org\n", b"X-A: b\n"),
    "zeros.zip": lambda path: _bomb(
        path, "", "zeros.txt", _repeated(b"\0", often(512, 260) * MEBIBYTE)
    ),
    "zeros.docx": lambda path: _bomb(
        path,
        "maintenance-plan.docx",
        "word/document.xml",
        _repeated(b" ", often(256, 64) * MEBIBYTE),
    ),
    "long.docx": lambda path: _bomb(
        path,
        "maintenance-plan.docx",
        "word/document.xml",
        _paragraphs(often(60, 49) * MEBIBYTE, often(1, 8)),
    ),
    "full.docx": lambda path: _bomb(
        path, "maintenance-plan.docx", "word/document.xml", _paragraphs(often(16, 3) * MEBIBYTE)
    ),
    "zeros.epub": lambda path: _bomb(
        path, "history.epub", "OEBPS/text/one.xhtml", _repeated(b" ", 64 * MEBIBYTE)
    ),
    "stream.pdf": lambda path: _stream_pdf(path, 256 * MEBIBYTE),
    "five-gigabytes.pdf": _five_gigabytes,
    "empty.docx": Path.touch,
}


def write(folder: Path) -> list[Path]:
    """Write every bomb into `folder` and return where they are."""
    paths = [folder / name for name in BOMBS]
    for path in paths:
        BOMBS[path.name](path)
    return paths
