"""Makes the samples of office formats, each with what is easily read wrong, and the office files of
`samples/`.

    python -m tests.data.formats.make_office

The same bytes each time. Golden results are written by `python -m tests.data.formats.golden`.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import odfdo
import pptx
import xlsxwriter
from docx.enum.text import WD_BREAK
from docx.shared import Pt
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from tests.data.formats.make_texts import zipped

HERE = Path(__file__).parent
SAMPLES = HERE.parents[2] / "samples"
FOR_THE_DEMO = ("maintenance-plan.docx", "generation-2024.xlsx")

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_WORD = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 6)
_MODIFIED = re.compile(rb"(<(?:dcterms:(?:modified|created)|dc:date)[^>]*>)[^<]*")

TASKS = (
    ("Task", "Interval", "Who", "Next due"),
    ("Flush the strainer of the cooling water", "weekly", "shift on duty", "5 January 2026"),
    ("Test the flood alarm with a bucket of water", "monthly", "Kjell Strand", "12 January 2026"),
    ("Read the four piezometers in the bank", "quarterly", "Aud Myhre", "2 March 2026"),
    ("Clean the slip rings and measure the brushes", "twice a year", "Kjell Strand", "8 June 2026"),
    ("Send the vibration sensors to be checked", "every two years", "Aud Myhre", "9 June 2026"),
)

COSTS = (
    ("Item", "First half", "Second half"),
    ("Standstill in June", "21,500 euros", ""),
    ("Regular tasks", "4,700 euros", "4,700 euros"),
    ("Held back", "6,000 euros", ""),
)

FOOTNOTES = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:footnotes {_W}>
<w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>
<w:footnote w:id="2"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> A cover is \
missing if more than two bolts of it are loose.</w:t></w:r></w:p></w:footnote>
</w:footnotes>"""
FOOTNOTE = '</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:t xml:space="preserve">'
DELETED = (
    '</w:t></w:r><w:del w:id="9" w:author="A"><w:r><w:delText>eleven</w:delText></w:r></w:del>'
    '<w:ins w:id="10" w:author="A"><w:r><w:t>ten</w:t></w:r></w:ins>'
    '<w:r><w:t xml:space="preserve">'
)
HIDDEN = "</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>Draft 3.</w:t></w:r><w:r><w:t>"
TEXT_BOX = (
    '</w:t></w:r><w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/'
    'markup-compatibility/2006"><mc:Choice Requires="wps"><w:drawing><w:txbxContent><w:p><w:r>'
    "<w:t>Spare fuses hang behind the door of the switch room.</w:t></w:r></w:p></w:txbxContent>"
    "</w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent><w:p><w:r><w:t>Spare fuses hang"
    " behind the door of the switch room.</w:t></w:r></w:p></w:txbxContent></w:pict></mc:Fallback>"
    '</mc:AlternateContent></w:r><w:r><w:t xml:space="preserve">'
)


def maintenance_plan() -> bytes:
    """Return a DOCX with a merged table, a footnote, a tracked change and a text box."""
    document = docx.Document()
    document.styles["Normal"].font.size = Pt(11)
    section = document.sections[0]
    section.header.paragraphs[0].text = "Alder Mill cooperative"
    section.footer.paragraphs[0].text = "Approved by the board on 4 December 2025"
    document.add_heading("Maintenance plan 2026", 0)
    document.add_paragraph(
        "This plan says who looks after what at Alder Mill in 2026. It was drawn up by Kjell"
        " Strand, the station's electrician, and Aud Myhre, who keeps the store.@@HIDDEN@@"
    )
    document.add_heading("The annual standstill", 1)
    document.add_paragraph(
        "The machine stands still from 8 to 19 June 2026, for @@DELETED@@ working days, when the"
        " grid needs least. The weir stays as it is; the whole river runs over its crest."
        "@@TEXTBOX@@"
    )
    document.add_paragraph("Drain the spiral casing and open the manhole.", "List Number")
    document.add_paragraph("Wash the draft tube and photograph its walls.", "List Number")
    document.add_paragraph("Tighten the bolts of all covers.@@FOOTNOTE@@", "List Number")
    document.add_heading("Regular tasks", 1)
    table = document.add_table(len(TASKS), len(TASKS[0]), "Light Grid Accent 1")
    for row, texts in enumerate(TASKS):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    document.add_paragraph()
    document.add_paragraph("What is used up is written into the store book:", "Normal")
    document.add_paragraph("carbon brushes, of which 12 lie in store", "List Bullet")
    document.add_paragraph("filter mats for the hall, of which 30 lie in store", "List Bullet")
    document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    document.add_heading("Money", 1)
    document.add_paragraph("The board granted 36,900 euros for 2026, parted as follows.")
    costs = document.add_table(len(COSTS), len(COSTS[0]), "Light Grid Accent 1")
    for row, items in enumerate(COSTS):
        for column, text in enumerate(items):
            costs.cell(row, column).text = text
    costs.cell(1, 1).merge(costs.cell(1, 2))
    costs.cell(3, 1).merge(costs.cell(3, 2))
    return _patched(
        document.save,
        {
            "word/document.xml": {
                b"@@FOOTNOTE@@": FOOTNOTE,
                b"@@DELETED@@": DELETED,
                b"@@HIDDEN@@": HIDDEN,
                b"@@TEXTBOX@@": TEXT_BOX,
            },
            "[Content_Types].xml": {
                b"</Types>": '<Override PartName="/word/footnotes.xml" ContentType="application/vnd'
                '.openxmlformats-officedocument.wordprocessingml.footnotes+xml"/></Types>'
            },
            "word/_rels/document.xml.rels": {
                b"</Relationships>": f'<Relationship Id="rId99" Type="{_WORD}/footnotes"'
                ' Target="footnotes.xml"/></Relationships>'
            },
        },
        {"word/footnotes.xml": FOOTNOTES.encode()},
    )


def induction() -> bytes:
    """Return a PPTX with notes, a merged table, a chart and a hidden slide."""
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    slide.shapes.title.text = "Welcome to Alder Mill"
    slide.placeholders[1].text = "Induction for people who work on site"
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Your first day"
    slide.placeholders[1].text = "Sign the visitors' book\nFetch helmet and radio\nWalk the exits"
    slide.notes_slide.notes_text_frame.text = "Show them the red button beside the door."
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Where things are"
    table = slide.shapes.add_table(4, 3, Inches(1), Inches(2), Inches(8), Inches(2)).table
    for row, texts in enumerate(
        (
            ("Room", "Floor", "Key"),
            ("Control room", "upper", "blue"),
            ("Switch room", "", "red"),
            ("Turbine hall", "lower", "none"),
        )
    ):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(1, 1).merge(table.cell(2, 1))
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Visitors"
    data = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["2023", "2024", "2025"]
    data.add_series("School classes", (31, 38, 44))  # type: ignore[no-untyped-call]
    data.add_series("Engineers", (12, 9, 15))  # type: ignore[no-untyped-call]
    place = (Inches(1), Inches(2), Inches(6), Inches(4))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data)
    slide._element.set("show", "0")
    return _patched(deck.save)


def generation() -> bytes:
    """Return an XLSX with dates, percentages, formulas with results and a hidden sheet."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"title": "Generation 2024", "created": _MOMENT})
    bold = book.add_format({"bold": True, "bg_color": "#DDEEFF", "border": 1})
    day = book.add_format({"num_format": "d mmmm yyyy", "align": "left"})
    share = book.add_format({"num_format": "0.0%"})
    months = book.add_worksheet("Generation by month")
    months.write("A1", "Generation of Alder Mill in 2024", bold)
    months.write_row("A3", ["Month", "Energy fed in (MWh)", "Running hours", "Availability"], bold)
    energy = (196, 181, 214, 228, 219, 152, 98, 74, 103, 168, 149, 205)
    hours = (716, 690, 741, 718, 744, 698, 655, 590, 671, 702, 441, 744)
    for month, (fed, ran) in enumerate(zip(energy, hours, strict=True), 1):
        whole = datetime.date(2024 + month // 12, month % 12 + 1, 1) - datetime.date(2024, month, 1)
        months.write(month + 2, 0, datetime.date(2024, month, 1).strftime("%B"))
        months.write(month + 2, 1, fed)
        months.write(month + 2, 2, ran)
        months.write(month + 2, 3, round(ran / (whole.days * 24), 3), share)
    months.write("A16", "Whole year", bold)
    months.write_formula("B16", "=SUM(B4:B15)", bold, sum(energy))
    months.write_formula("C16", "=SUM(C4:C15)", bold, sum(hours))
    months.set_column("A:D", 22)
    months.freeze_panes(3, 0)
    stops = book.add_worksheet("Standstills")
    stops.write_row("A1", ["Began", "Hours", "Cause", "Planned"], bold)
    for row, (began, lasted, cause, planned) in enumerate(
        (
            (datetime.date(2024, 1, 9), 14, "Frazil ice in front of the intake", False),
            (datetime.date(2024, 6, 3), 20, "Brushes of the exciter renewed", True),
            (datetime.date(2024, 8, 12), 96, "Too little water in the river", False),
            (datetime.date(2024, 10, 21), 9, "Leaves on the screen", False),
            (datetime.date(2024, 11, 4), 264, "New intake gate fitted", True),
        ),
        1,
    ):
        stops.write_datetime(row, 0, datetime.datetime.combine(began, datetime.time()), day)
        stops.write(row, 1, lasted)
        stops.write(row, 2, cause)
        stops.write_boolean(row, 3, planned)
    stops.set_column("A:D", 24)
    rates = book.add_worksheet("Rates")
    rates.write_row("A1", ["Meter", "Factor"])
    rates.write_row("A2", ["M1 | main", 40])
    rates.hide()
    book.close()
    return _patched(lambda target: target.write(buffer.getvalue()))


def incident() -> bytes:
    """Return an ODT with lists, a table, a footnote, a comment and a page break."""
    document = odfdo.Document("text")
    body = document.body
    body.clear()
    break_before = odfdo.Style("paragraph", name="NewPage", area="paragraph")
    break_before.set_properties(area="paragraph", properties={"fo:break-before": "page"})
    document.insert_style(break_before, automatic=True)
    body.append(odfdo.Header(1, "Incident 17: the siren that would not stop"))
    told = odfdo.Paragraph("On 6 May 2025 the siren sounded for 40 minutes. Nobody was hurt.")
    told.insert_note(
        after="40 minutes", note_id="n1", citation="1", body="By the clock in the hall."
    )
    told.insert_annotation(after="hurt", body="Ask Marit.", creator="Ann")
    body.append(told)
    body.append(odfdo.Header(2, "What was done"))
    body.append(odfdo.List(["The fuse was drawn.", "The neighbours were told."]))
    table = odfdo.Table("Times", width=2, height=3)
    table.set_values([["Time", "Event"], ["14:05", "Siren starts"], ["14:45", "Fuse | drawn"]])
    body.append(table)
    body.append(odfdo.Paragraph("Lessons stand on a page of their own.", style="NewPage"))
    return _patched(document.save)


def spares() -> bytes:
    """Return an ODS with a date, a repeated row and empty space up to the last row."""
    document = odfdo.Document("spreadsheet")
    document.body.clear()
    table = odfdo.Table("Spares")
    table.append_row(_row("Part", "In store", "Counted on"))
    table.append_row(_row("Carbon brush", 12, datetime.date(2025, 12, 1)))
    again = _row("Filter mat", 30, datetime.date(2025, 12, 2))
    again.repeated = 2
    table.append_row(again)
    empty = odfdo.Row()
    empty.append_cell(odfdo.Cell(repeated=16_384))
    empty.repeated = 1_048_000
    table.append_row(empty)
    document.body.append(table)
    return _patched(document.save)


def open_day() -> bytes:
    """Return an ODP of one slide with a title and a list."""
    document = odfdo.Document("presentation")
    document.body.clear()
    page = odfdo.DrawPage("page1", name="Open day")
    for kind, text in (("title", "Open day"), ("outline", "The gate opens at ten.")):
        frame = odfdo.Frame.text_frame(text, size=("10cm", "2cm"), position=("1cm", "1cm"))
        frame.set_attribute("presentation:class", kind)
        page.append(frame)
    document.body.append(page)
    return _patched(document.save)


def notice() -> bytes:
    """Return an RTF as a word processor writes it."""
    return rb"""{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\froman\fcharset0 Times New Roman;}
{\f1\fswiss\fcharset204 Arial Cyr;}}{\colortbl;\red0\green0\blue0;}
{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 heading 1;}}{\info{\title Secret title}}
{\footer\pard\plain Alder Mill, notice 12\par}
\pard\plain\s1\outlinelevel0\b Notice 12: the caf\'e9 at the weir\par
\pard\plain The caf\'e9 opens on 2\~May{\super\chftn}{\footnote\pard\plain{\super\chftn} Weather
 permitting.}. {\deleted It never closes.}It costs 3\u8364?.\par
{\f1 \'cf\'f0\'e8\'e2\'e5\'f2}\par
{\pard{\listtext\'b7\tab}Tea and cake\par}
{\pard{\listtext\'b7\tab}Fish soup on Fridays\par}
\trowd\cellx3000\cellx6000\pard\intbl Day\cell Hours\cell\row
\trowd\cellx3000\cellx6000\pard\intbl Saturday\cell 10\endash 16\cell\row
\trowd\cellx3000\cellx6000\pard\intbl Sunday\cell 12\endash 16\cell\row
\pard{\*\shppict{\pict\pngblip\picw1\pich1 89504e470d0a1a0a}}\par
\page\pard\plain Dogs stay outside.\par
}"""


def history() -> bytes:
    """Return an EPUB of two chapters behind a table of contents."""
    xhtml = (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x.js"/></head>'
        "<body>{}</body></html>"
    )
    return zipped(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": b'<?xml version="1.0"?><container version="1.0" xmlns="urn:'
            b'oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/'
            b'book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
            "OEBPS/book.opf": b'<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf"'
            b' version="3.0"><manifest><item id="nav" href="nav.xhtml" properties="nav" media-type='
            b'"application/xhtml+xml"/><item id="c1" href="text/chapter%201.xhtml" media-type="'
            b'application/xhtml+xml"/><item id="c2" href="text/two.xhtml" media-type="application/'
            b'xhtml+xml"/></manifest><spine><itemref idref="nav"/><itemref idref="c1"/><itemref'
            b' idref="c2"/></spine></package>',
            "OEBPS/nav.xhtml": xhtml.format("<nav><ol><li>Grain</li></ol></nav>").encode(),
            "OEBPS/text/chapter 1.xhtml": xhtml.format(
                "<h1>Grain</h1><p>The mill ground <i>oats</i> until 1961.</p><h2>The millers</h2>"
                "<p>Three families held the mill&#8217;s lease.<a id='x'/></p>"
            ).encode(),
            "OEBPS/text/two.xhtml": xhtml.format(
                "<h1>Power</h1><ul><li>Water</li><li>Light</li></ul><table><tr><th>Year</th>"
                "<th>Lamps</th></tr><tr><td>1931</td><td>12</td></tr></table>"
            ).encode(),
        }
    )


MAKERS: dict[str, Callable[[], bytes]] = {
    "maintenance-plan.docx": maintenance_plan,
    "induction.pptx": induction,
    "generation-2024.xlsx": generation,
    "incident.odt": incident,
    "spares.ods": spares,
    "open-day.odp": open_day,
    "notice.rtf": notice,
    "history.epub": history,
}


def _row(*values: str | int | datetime.date) -> odfdo.Row:
    row = odfdo.Row()
    row.set_values(list(values))
    return row


def _patched(
    save: Callable[[io.BytesIO], object],
    changes: dict[str, dict[bytes, str]] | None = None,
    added: dict[str, bytes] | None = None,
) -> bytes:
    """Return what `save` writes, changed, and without the moment at which it was made."""
    buffer = io.BytesIO()
    save(buffer)
    with zipfile.ZipFile(buffer) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name, replacements in (changes or {}).items():
        for mark, text in replacements.items():
            files[name] = files[name].replace(mark, text.encode())
    for name in ("docProps/core.xml", "meta.xml", "content.xml"):
        if name in files:
            files[name] = _MODIFIED.sub(rb"\g<1>2026-01-02T03:04:06Z", files[name])
    return zipped({**files, **(added or {})})


def main() -> None:
    """Write every sample beside this file, and those of the demo into `samples/`."""
    for name, make in MAKERS.items():
        (HERE / name).write_bytes(make())
    for name in FOR_THE_DEMO:
        (SAMPLES / name).write_bytes((HERE / name).read_bytes())


if __name__ == "__main__":
    main()
