"""Makes small files that a parser spends minutes or gigabytes on, though no limit counts why."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.data.formats.make_hostile import parts_of

FORMS = 40
"""Form XObjects that each draw the next one twice: the last is drawn a trillion times."""
CELL_CHARACTERS = 30_000
STYLES = 20_000
MARKS = 400_000
ATTRIBUTES = 150_000
BRACKETS = 400_000


def _pdf() -> bytes:
    """Return a PDF whose page draws a form, which draws another twice, and so on."""
    stream = b"BT /F1 12 Tf 20 700 Td (high water) Tj ET"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R"
            b" /Resources << /XObject << /N 6 0 R >> >> >>"
        ),
        _stream(b"", b"/N Do"),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number in range(FORMS):
        last = number == FORMS - 1
        inner = b"/Font << /F1 5 0 R >>" if last else b"/XObject << /N %d 0 R >>" % (7 + number)
        head = b"/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << " + inner + b" >>"
        bodies.append(_stream(head, stream if last else b"/N Do /N Do"))
    written, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(bodies) + 1
    return (
        written
        + b"xref\n0 %d\n0000000000 65535 f \n" % count
        + table
        + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(written))
    )


def _stream(head: bytes, data: bytes) -> bytes:
    return b"<< " + head + b" /Length %d >>\nstream\n" % len(data) + data + b"\nendstream"


def _ods() -> bytes:
    """Return the content of a sheet: one long cell, repeated within the count of cells."""
    letters = random.Random(7).choices("abcdefghijklmnopqrstuvwxyz ", k=CELL_CHARACTERS)
    row = (
        '<table:table-row table:number-rows-repeated="1000"><table:table-cell'
        ' table:number-columns-repeated="100" office:value-type="string">'
        f"<text:p>{''.join(letters)}</text:p></table:table-cell></table:table-row>"
    )
    return _replace_between(
        parts_of("spares.ods")["content.xml"], b"<table:table-row", b"</table:table>", row.encode()
    )


def _odt() -> bytes:
    """Return the content of a text whose paragraphs have the last of a long chain of styles."""
    styles = "".join(
        f'<style:style style:name="S{n}" style:family="paragraph"'
        f' style:parent-style-name="S{n - 1}"/>'
        for n in range(1, STYLES)
    )
    paragraphs = "".join(
        f'<text:p text:style-name="S{STYLES - 1 - n % 100}">{n:x}</text:p>' for n in range(STYLES)
    )
    content = parts_of("incident.odt")["content.xml"]
    content = content.replace(
        b"</office:automatic-styles>", styles.encode() + b"</office:automatic-styles>"
    )
    return content.replace(b"</office:text>", paragraphs.encode() + b"</office:text>")


def _replace_between(whole: bytes, first: bytes, last: bytes, by: bytes) -> bytes:
    start, end = whole.index(first), whole.index(last)
    return whole[:start] + by + whole[end:]


def _office(sample: str, content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in parts_of(sample).items():
                archive.writestr(name, content if name == "content.xml" else data)

    return write


def _bytes(content: Callable[[], bytes]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content())

    return write


COSTLY: dict[str, Callable[[Path], None]] = {
    "forms.pdf": _bytes(_pdf),
    "cells.ods": lambda path: _office("spares.ods", _ods())(path),
    "styles.odt": lambda path: _office("incident.odt", _odt())(path),
    "marks.txt": _bytes(lambda: ("The level is a" + "\u0301\u0323" * MARKS + " here.").encode()),
    "attributes.html": _bytes(
        lambda: b"<p " + b" ".join(b"a%d" % n for n in range(ATTRIBUTES)) + b">high water</p>"
    ),
    "brackets.md": _bytes(lambda: b"# Levels\n\n" + b"![[" * BRACKETS),
}


def write(folder: Path) -> list[Path]:
    """Write all of them into `folder`, and return their paths."""
    for name, make in COSTLY.items():
        make(folder / name)
    return [folder / name for name in COSTLY]
