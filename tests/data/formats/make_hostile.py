"""Makes the hostile samples of office formats, books, tables, source code, web pages and PDF.

    python -m tests.data.formats.make_hostile

The same bytes each time. Those of JSON, XML, mail and ZIP are made by `make_texts`. What would be
too large to keep is made by `make_bombs` when it is needed.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile

from PIL import Image

from tests.data.formats import make_pdfs
from tests.data.formats.make_texts import HERE, HOSTILE, mail, zipped

MEBIBYTE = 1024 * 1024
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
EXTERNAL = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
NOWHERE = "http://127.0.0.1:1/x"
"""Nothing listens there, and nothing may ask."""
_MACRO = "application/vnd.ms-{}.macroEnabled.main+xml"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def parts_of(name: str) -> dict[str, bytes]:
    """Return the parts of a sample by name."""
    with zipfile.ZipFile(io.BytesIO((HERE / name).read_bytes())) as archive:
        return {part: archive.read(part) for part in archive.namelist()}


def with_parts(name: str, **parts: bytes) -> bytes:
    """Return a sample with parts put in; `__` in a name stands for a slash, `_` for a dot."""
    named = {part.replace("__", "/").replace("_", "."): data for part, data in parts.items()}
    return zipped({**parts_of(name), **named})


def before_root(name: str, part: str, prolog: bytes) -> bytes:
    """Return a sample one of whose parts begins with another prolog."""
    parts = parts_of(name)
    body = parts[part].partition(b"?>")[2] if parts[part].startswith(b"<?xml") else parts[part]
    return zipped({**parts, part: prolog + body})


def with_macros(name: str, kind: str, plain: str) -> bytes:
    """Return an office sample that carries macros and says so."""
    parts = parts_of(name)
    types = parts["[Content_Types].xml"].replace(plain.encode(), _MACRO.format(kind).encode())
    folder = kind.partition(".")[0].replace("powerpoint", "ppt").replace("excel", "xl")
    program = f"{folder}/vbaProject.bin"
    return zipped({**parts, "[Content_Types].xml": types, program: _OLE + bytes(64)})


def linked_docx() -> bytes:
    """Return a document whose template, picture and frame lie on another machine."""
    parts = parts_of("maintenance-plan.docx")
    kinds = ("attachedTemplate", "image", "frame", "oleObject")
    relations = "".join(
        f'<Relationship Id="far{n}" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        f'relationships/{kind}" Target="{NOWHERE}" TargetMode="External"/>'
        for n, kind in enumerate(kinds)
    )
    name = "word/_rels/document.xml.rels"
    closed = b"</Relationships>"
    return zipped({**parts, name: parts[name].replace(closed, relations.encode() + closed)})


def deep_docx() -> bytes:
    """Return a document of tables within tables within tables."""
    deep = b"<w:tbl><w:tr><w:tc>" * 2_000 + b"</w:tc></w:tr></w:tbl>" * 2_000
    parts = parts_of("maintenance-plan.docx")
    body = parts["word/document.xml"].replace(b"<w:body>", b"<w:body>" + deep, 1)
    return zipped({**parts, "word/document.xml": body})


def deep_pptx() -> bytes:
    """Return a slide of groups within groups."""
    parts = parts_of("induction.pptx")
    name = "ppt/slides/slide2.xml"
    deep = b"<p:grpSp>" * 2_000 + b"</p:grpSp>" * 2_000
    body = parts[name].replace(b"</p:spTree>", deep + b"</p:spTree>", 1)
    return zipped({**parts, name: body})


def wide_ods() -> bytes:
    """Return a sheet that repeats a cell and a row more often than there are numbers for."""
    parts = parts_of("spares.ods")
    cell = (
        b'<table:table-row table:number-rows-repeated="2147483647"><table:table-cell'
        b' table:number-columns-repeated="2147483647" office:value-type="string">'
        b"<text:p>x</text:p></table:table-cell></table:table-row></table:table>"
    )
    body = parts["content.xml"].replace(b"</table:table>", cell, 1)
    return zipped({**parts, "content.xml": body})


def escaping_epub() -> bytes:
    """Return a book whose chapters lie outside of it."""
    parts = parts_of("history.epub")
    book = parts["OEBPS/book.opf"]
    for mark in (b'href="text/one.xhtml"', b'href="text/two.xhtml"'):
        book = book.replace(mark, b'href="../../../../etc/passwd"')
    return zipped({**parts, "OEBPS/book.opf": book})


def overlapping_zip() -> bytes:
    """Return an archive whose entries all unpack the same bytes, as the better bombs do."""
    whole = bytearray(zipped({"a.txt": b"text " * 4_000}))
    directory = whole.index(b"PK\x01\x02")
    entry = bytes(whole[directory : whole.index(b"PK\x05\x06")])
    entries = b"".join(entry.replace(b"a.txt", f"{n:05d}".encode()) for n in range(500))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 500, 500, len(entries), directory, 0)
    return bytes(whole[:directory]) + entries + end


def claiming_zip(claimed: int) -> bytes:
    """Return an archive of one file whose headers claim that it has so many bytes."""
    made = bytearray(zipped({"a.txt": b"small"}))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<L", made, made.index(mark) + at, min(claimed, 2**32 - 2))
    return bytes(made)


def nested_zip(levels: int) -> bytes:
    """Return an archive in an archive in an archive …"""
    data = zipped({"core.txt": b"The core was reached."})
    for level in range(levels):
        data = zipped({f"level-{level}.zip": data})
    return data


def launching_pdf() -> bytes:
    """Return a PDF that would start programs, go elsewhere and send its form away."""
    actions = (
        "/OpenAction<</S/Launch/F(/bin/sh)>>"
        f"/AA<</WC<</S/URI/URI({NOWHERE})>>/DS<</S/SubmitForm/F({NOWHERE})>>>>"
    )
    return make_pdfs.raw_pdf("BT /F1 12 Tf 40 700 Td (Only this is text.) Tj ET", catalogue=actions)


def claiming_pdf() -> bytes:
    """Return a PDF whose stream claims to have five billion bytes."""
    made = make_pdfs.raw_pdf("BT /F1 12 Tf 40 700 Td (Hello, this page is read.) Tj ET")
    start = made.index(b"/Length ") + len(b"/Length ")
    return made[:start] + b"5000000000" + made[made.index(b"/Filter") :]


def bomb_pdf() -> bytes:
    """Return a PDF whose page unpacks to 64 MiB of nothing."""
    return make_pdfs.raw_pdf("BT /F1 12 Tf 40 700 Td (Small.) Tj ET " + " " * (64 * MEBIBYTE))


def deep_pdf() -> bytes:
    """Return a PDF whose objects nest."""
    return make_pdfs.raw_pdf("q " * 100_000, catalogue="/X" + "[" * 5_000 + "]" * 5_000)


def picture() -> bytes:
    """Return a picture, which is no PDF whatever it is called."""
    made = io.BytesIO()
    Image.linear_gradient("L").save(made, "PNG")
    return made.getvalue()


def trojan_source() -> bytes:
    """Return source code that reads otherwise than it runs: by marks that turn its direction."""
    return (
        "function pay(amount) {\n    // \u202e\u2066the gate is shut\u2069\u2066\n"
        "    return amount; // \u200bno\u200b\n}\n\nclass \u0410dmin {}\n" * 3
    ).encode()


def hostile() -> dict[str, bytes]:
    """Return the samples by name."""
    docx, xlsx, pptx = "maintenance-plan.docx", "generation-2024.xlsx", "induction.pptx"
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    show = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
    macros = with_macros(docx, "word.document", word)
    zeros = bytes(8 * MEBIBYTE)
    drm = b'<encryption><CipherReference URI="OEBPS/text/two.xhtml"/></encryption>'
    deep_text = b"".join(b"{\\b " for _ in range(5_000))
    return {
        "macros.docm": macros,
        "macros.docx": macros,
        "macros.xlsm": with_macros(xlsx, "excel.sheet", sheet),
        "macros.pptm": with_macros(pptx, "powerpoint.presentation", show),
        "hidden-macros.xlsx": with_parts(xlsx, xl__vbaProject_bin=_OLE),
        "external.docx": before_root(docx, "word/document.xml", EXTERNAL),
        "laughs.xlsx": before_root(xlsx, "xl/worksheets/sheet1.xml", LAUGHS),
        "laughs.pptx": before_root(pptx, "ppt/slides/slide2.xml", LAUGHS),
        "linked.docx": linked_docx(),
        "bomb.docx": with_parts(docx, word__media__zeros_xml=zeros),
        "bomb.xlsx": with_parts(xlsx, xl__zeros_xml=zeros),
        "deep.docx": deep_docx(),
        "deep.pptx": deep_pptx(),
        "traversal.pptx": zipped({**parts_of(pptx), "../../etc/cron.d/x": b"* * * * *"}),
        "locked.docx": _OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600),
        "laughs.odt": before_root("incident.odt", "content.xml", LAUGHS),
        "external.odp": before_root("open-day.odp", "content.xml", EXTERNAL),
        "macros.odt": with_parts("incident.odt", Basic__Standard__Module1_xml=b"<x/>"),
        "wide.ods": wide_ods(),
        "bomb.epub": with_parts("history.epub", OEBPS__text__zeros_xhtml=zeros),
        "laughs.epub": before_root("history.epub", "OEBPS/book.opf", LAUGHS),
        "locked.epub": zipped({**parts_of("history.epub"), "META-INF/encryption.xml": drm}),
        "escaping.epub": escaping_epub(),
        "deep.rtf": rb"{\rtf1 " + deep_text + b"x" + b"}" * 5_001,
        "object.rtf": rb"{\rtf1\ansi Seen.{\object\objemb{\*\objdata " + b"d0cf11e0" * 64
        + rb"}}{\field{\*\fldinst INCLUDETEXT " + NOWHERE.encode() + rb"}}\par Seen, too.}",
        "claims-2-gb.rtf": rb"{\rtf1\ansi Seen.\bin2147483647 }",
        "ragged.csv": b'id,town,note\n1,Bern\n2,"Ge\nneva",x,y,z\n4,Chur,"a"b"c"\n' * 3
        + b'"5,Basel,open\n',
        "nul.csv": b"id,town\n" + b"1,Be\0rn\n" * 50,
        "nul.tsv": b"id\ttown\n" + b"1\tBern\n" * 50 + b"2\tBa\0sel\n",
        "formula.csv": b"name,value\n=cmd|' /C calc'!A0,1\n@SUM(1),2\n+1,3\n" * 4,
        "ragged.tsv": b"id\ttown\n1\tBern\tmore\tand more\n2\n\t\t\t\n3\tBasel\n" * 3,
        "deep.jsonl": b'{"a": 1}\n' * 3 + b"[" * 5_000 + b"]" * 5_000 + b"\n",
        "cut.jsonl": b'{"a": 1}\n' * 3 + b'{"a": \n' + b'{"a": 2}\n' * 3,
        "deep.html": b"<!doctype html><html><body>" + b"<div><span>" * 50_000 + b"x",
        "script.html": b"<!doctype html><html><body><p>Seen.</p><script>alert(1)</script>"
        b"<style>p{}</style><iframe src=http://127.0.0.1:1/></iframe><p hidden>Not seen.</p>"
        b"<svg><script>alert(2)</script></svg><object data=x>fallback</object></body></html>",
        "deep.md": b"> " * 3_000 + b"deep\n\n" + b"- " * 3_000 + b"list\n\n" + b"[" * 3_000,
        "escapes.txt": b"\x1b[2J\x1b]0;name\x07The gate is \x1b[31mopen\x1b[0m.\x08 It stays so"
        b" until the river falls." + b" Nobody opens another gate before that." * 4,
        "zeros.txt": b"The gate is open.\n" + bytes(4_000),
        "trojan.js": trojan_source(),
        "one-line.js": b"function a(){" + b"if(x){y()}" * 60_000 + b"}",
        "script.pdf": make_pdfs.with_script(),
        "launch.pdf": launching_pdf(),
        "circular.pdf": make_pdfs.circular_pages(),
        "giant.pdf": make_pdfs.giant_page(),
        "carrier.pdf": make_pdfs.with_file(),
        "endless.pdf": make_pdfs.endless_outline(),
        "million-pages.pdf": make_pdfs.many_pages(1_000_000),
        "claims-5-gb.pdf": claiming_pdf(),
        "bomb.pdf": bomb_pdf(),
        "deep.pdf": deep_pdf(),
        "claims-4-gb.zip": claiming_zip(2**32),
        "overlapping.zip": overlapping_zip(),
        "nested.zip": nested_zip(6),
        "program.txt": b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 8,
        "picture.pdf": picture(),
        "archive.docx": zipped({"a.txt": b"No document at all."}),
        "endless.eml": mail(attach=False).replace(
            b"Subject:", b"X: " + b"y" * 200_000 + b"\r\nSubject:"
        ),
        "paths.json": json.dumps({"a" * 5_000: {"b" * 5_000: 1}}).encode(),
    }  # fmt: skip


def main() -> None:
    """Write every sample into `hostile/`."""
    for name, data in hostile().items():
        (HOSTILE / name).write_bytes(data)


if __name__ == "__main__":
    main()
