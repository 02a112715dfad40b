"""Makes the samples of PDF: tables, scans and files that mean harm.

    python -m tests.data.formats.make_pdfs

Scans are pages that the PDF library shows, turned a little, with noise, put into a PDF as pictures.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pypdfium2
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from PIL import Image, ImageChops, ImageFilter

HERE = Path(__file__).parent
HOSTILE = HERE / "hostile"
DOTS = 150
_MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

READINGS = (
    ("Month", "Inflow m3/s", "Generation MWh", "Downtime h"),
    ("January", "3.9", "171", "4"),
    ("February", "3.4", "148", "11"),
    ("March", "4.6", "196", "0"),
    ("April", "4.1", "187", "2"),
)
PARTS = (
    ("Part", "Where it is kept", "Pieces"),
    ("Shear pin", "Cabinet 4, upper shelf", "12"),
    ("Bearing seal", "Cabinet 4, lower shelf, beside the grease", "3"),
    ("Guide vane bush", "Store room", "8"),
)
INVOICE = (
    ("Description", "Quantity", "Unit price", "Amount"),
    ("Inspection of the spiral casing", "1", "1,840.00", "1,840.00"),
    ("Bearing seals, nitrile", "3", "62.50", "187.50"),
    ("Grease, 5 kg tins", "4", "38.20", "152.80"),
    ("Travel, kilometres", "212", "0.45", "95.40"),
)
LEFT = (
    "The river rose twice in March. The first flood came on the ninth and took two planks of the"
    " fish ladder with it. The second came on the twenty-third, after three days of rain, and was"
    " held back by the gates."
)
RIGHT = (
    "The turbine stood still for eleven hours in February while its bearing was changed. Voss Hydro"
    " sent two fitters. Since then the temperature of the bearing has stayed below sixty degrees"
    " at full load."
)


def document() -> FPDF:
    """Return an empty PDF that says the same of itself each time."""
    made = FPDF()
    made.set_creation_date(_MADE)
    made.set_font("helvetica", size=11)
    return made


def tables() -> bytes:
    """Return a PDF of two pages: tables with all lines, with few and with none."""
    made = document()
    made.add_page()
    made.start_section("Readings")
    _write(made, "Readings\n\nThe readings of the first months are these:\n")
    _table(made, READINGS, TableBordersLayout.ALL)
    _write(made, "\nApril was cut short by the inspection.")
    _write(made, "\nSpare parts are kept in two places:\n")
    _table(made, PARTS, TableBordersLayout.SINGLE_TOP_LINE)
    _write(made, "\nWhoever takes one writes it down.")
    made.add_page()
    _write(made, "The invoice of the inspection, without any line:\n")
    _table(made, INVOICE, TableBordersLayout.NONE)
    _write(made, "\nIt was paid in May.")
    return bytes(made.output())


def columns() -> bytes:
    """Return a PDF whose one page is set in two columns below a title."""
    made = document()
    made.add_page()
    made.cell(w=0, text="What happened at the mill in the first three months", align="C")
    for left, text in ((10, LEFT), (110, RIGHT)):
        made.set_xy(left, 30)
        made.multi_cell(w=88, text=text)
    return bytes(made.output())


def invoice() -> bytes:
    """Return a PDF of one page: an invoice with a table that has lines between its rows only."""
    made = document()
    made.add_page()
    made.set_font("helvetica", size=16)
    _write(made, "Voss Hydro\n")
    made.set_font("helvetica", size=11)
    _write(made, "Invoice 2026-0417\nDate: 21 April 2026\n\nTo: Alder Mill, Tarn\n\n")
    _table(made, INVOICE, TableBordersLayout.HORIZONTAL_LINES)
    _write(made, "\nTotal: 2,275.70 euros\nPayable within 30 days.")
    return bytes(made.output())


def letter() -> bytes:
    """Return a PDF of one page of plain text."""
    made = document()
    made.add_page()
    _write(made, f"Report of the first quarter\n\n{LEFT}\n\n{RIGHT}")
    return bytes(made.output())


def note() -> bytes:
    """Return a PDF of one small page of a few lines."""
    made = document()
    made.add_page(format=(110, 60))
    _write(made, "The key of the gate house hangs behind the door.\n\nLook in the second drawer.")
    return bytes(made.output())


def scanned(shown: bytes, *, degrees: float = 0.6, seed: int = 7) -> list[bytes]:
    """Return the pages of a PDF as a scanner would see them, each a JPEG."""
    source = pypdfium2.PdfDocument(shown)
    scans: list[bytes] = []
    for index in range(len(source)):
        page = source[index].render(scale=DOTS / 72).to_pil().convert("L")
        page = page.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)
        page = ImageChops.multiply(page.filter(ImageFilter.GaussianBlur(0.6)), _paper(page, seed))
        into = io.BytesIO()
        page.save(into, "JPEG", quality=60)
        scans.append(into.getvalue())
    source.close()
    return scans


def _paper(page: Image.Image, seed: int) -> Image.Image:
    """Return grey specks, the same each time."""
    state = seed
    specks = bytearray()
    for _ in range(64 * 64):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        specks.append(238 + (state >> 16) % 18)
    return Image.frombytes("L", (64, 64), bytes(specks)).resize(page.size)


def of_scans(*scans: bytes | str, stamp: str = "") -> bytes:
    """Return a PDF of pictures that cover a page each, and of pages with a text layer."""
    made = document()
    for scan in scans:
        made.add_page()
        if isinstance(scan, str):
            _write(made, scan)
            continue
        made.image(io.BytesIO(scan), x=0, y=0, w=made.w, h=made.h)
        if stamp:
            made.set_xy(10, 285)
            made.cell(text=stamp)
    return bytes(made.output())


def mixed() -> bytes:
    """Return a PDF of four pages: text, a scanned letter, text, a scanned invoice."""
    (page,), (bill,) = scanned(letter()), scanned(invoice(), degrees=-0.5)
    return of_scans("The first page is text.", page, "The third page is text, too.", bill)


def scanned_table() -> bytes:
    """Return a PDF of one page: the scan of tables."""
    return of_scans(scanned(tables())[0])


def scanned_columns() -> bytes:
    """Return a PDF of one page: the scan of a page in two columns."""
    return of_scans(scanned(columns())[0])


def unmapped() -> bytes:
    """Return a PDF whose one font does not say which characters its codes stand for."""
    text = " ".join("\\001\\002\\003\\004\\005\\006" for _ in range(40))
    return raw_pdf(f"BT /F1 12 Tf 40 700 Td ({text}) Tj ET", font=_UNMAPPED_FONT)


_UNMAPPED_FONT = (
    "<</Type/Font/Subtype/Type1/BaseFont/Secret/Encoding<</Differences[1/g1/g2/g3/g4/g5/g6]>>>>"
)
_HELVETICA = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def raw_pdf(
    content: str,
    *,
    font: str = _HELVETICA,
    box: str = "0 0 595 842",
    catalogue: str = "",
    pages: str = "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    more: Sequence[str] = (),
) -> bytes:
    """Return a PDF written object by object: 1 the catalogue, 2 the pages, 3 the page, 4, 5 …"""
    stream = zlib.compress(content.encode("latin-1"))
    objects = [
        f"<</Type/Catalog/Pages 2 0 R{catalogue}>>".encode(),
        pages.encode(),
        (
            f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R"
            "/Resources<</Font<</F1 5 0 R>>>>>>"
        ).encode(),
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(stream), stream),
        font.encode(),
        *(each.encode() for each in more),
    ]
    out = bytearray(b"%PDF-1.7\n")
    places: list[int] = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\n" % (len(places) + 1)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % table)


_HELLO = "BT /F1 12 Tf 40 700 Td (Hello, this page is read.) Tj ET"


def endless_outline() -> bytes:
    """Return a PDF whose outline goes in a circle, and deep."""
    entries = [f"<</Title(Level {n})/Parent {n - 1} 0 R/First {n + 1} 0 R>>" for n in range(7, 207)]
    return raw_pdf(
        _HELLO,
        catalogue="/Outlines 6 0 R",
        more=[
            "<</Type/Outlines/First 7 0 R/Last 7 0 R>>",
            *entries,
            "<</Title(Again)/First 7 0 R/Next 207 0 R>>",
        ],
    )


def circular_pages() -> bytes:
    """Return a PDF whose tree of pages holds itself."""
    return raw_pdf(_HELLO, pages="<</Type/Pages/Kids[3 0 R 2 0 R 2 0 R]/Count 3>>")


def many_pages(claimed: int) -> bytes:
    """Return a PDF that says it has more pages than the one that it has."""
    return raw_pdf(_HELLO, pages=f"<</Type/Pages/Kids[3 0 R]/Count {claimed}>>")


def no_pages() -> bytes:
    """Return a PDF without a page."""
    return raw_pdf(_HELLO, pages="<</Type/Pages/Kids[]/Count 0>>")


def giant_page() -> bytes:
    """Return a PDF whose page is larger than a country."""
    return raw_pdf(_HELLO, box="0 0 2000000000 2000000000")


def with_script() -> bytes:
    """Return a PDF that would run a script when it is opened."""
    return raw_pdf(_HELLO, catalogue="/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>")


def with_file() -> bytes:
    """Return a PDF that carries a file."""
    made = document()
    made.add_page()
    made.cell(text="See the file within.")
    made.embed_file(basename="secret.txt", bytes=b"hidden")
    return bytes(made.output())


def with_form() -> bytes:
    """Return a PDF with a field to fill in."""
    return raw_pdf(
        _HELLO,
        catalogue="/AcroForm<</Fields[6 0 R]>>",
        more=["<</FT/Tx/T(name)/V(Ann)/Type/Annot/Subtype/Widget/Rect[40 600 200 620]/P 3 0 R>>"],
    )


SAMPLES: dict[str, Callable[[], bytes]] = {
    "tables.pdf": tables,
    "columns.pdf": columns,
    "mixed-scan.pdf": mixed,
}


def _write(made: FPDF, text: str) -> None:
    made.multi_cell(w=0, text=text, new_x="LMARGIN", new_y="NEXT")


def _table(made: FPDF, rows: Sequence[Sequence[str]], borders: TableBordersLayout | str) -> None:
    with made.table(borders_layout=borders, first_row_as_headings=False) as table:
        for row in rows:
            line = table.row()
            for cell in row:
                line.cell(cell)


def main() -> None:
    """Write the samples."""
    for name, make in SAMPLES.items():
        (HERE / name).write_bytes(make())


if __name__ == "__main__":
    main()
