"""Office files made by hand, for what no library would write."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from tests.data.formats.golden import HERE

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/"


def sample(name: str) -> bytes:
    """Return one of the samples."""
    return (HERE / name).read_bytes()


def packed(files: Mapping[str, bytes | str]) -> bytes:
    """Return an archive of `files`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    """Return the files of an archive by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(name: str, **files: bytes | str) -> bytes:
    """Return a sample with parts added or exchanged; `__` stands for a slash, `_` for a dot."""
    parts: dict[str, bytes | str] = dict(unpacked(sample(name)))
    for part, data in files.items():
        parts[part.replace("__", "/").replace("_", ".")] = data
    return packed(parts)


def docx_of(body: str, **parts: str) -> bytes:
    """Return a DOCX with this body; `parts` are further parts by their relation."""
    types = "".join(
        f'<Override PartName="/word/{kind}.xml"'
        f' ContentType="{_OPEN_XML}wordprocessingml.{kind}+xml"/>'
        for kind in parts
    )
    relations = "".join(
        f'<Relationship Id="r{kind}" Type="{R}/{kind}" Target="{kind}.xml"/>' for kind in parts
    )
    main = f"{_OPEN_XML}wordprocessingml.document.main+xml"
    return packed(
        {
            "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}content-types">{_DEFAULTS}<Override'
            f' PartName="/word/document.xml" ContentType="{main}"/>{types}</Types>',
            "_rels/.rels": _root_relation("word/document.xml"),
            "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": _relations(relations),
            **{f"word/{kind}.xml": text for kind, text in parts.items()},
        }
    )


def xlsx_of(*sheets: str, strings: str = "", styles: str = "") -> bytes:
    """Return an XLSX with these sheets, each the content of `sheetData`."""
    names = range(1, len(sheets) + 1)
    listed = "".join(f'<sheet name="Sheet {n}" sheetId="{n}" r:id="r{n}"/>' for n in names)
    relations = "".join(
        f'<Relationship Id="r{n}" Type="{R}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in names
    )
    extra = {"sharedStrings": strings, "styles": styles}
    relations += "".join(
        f'<Relationship Id="x{kind}" Type="{R}/{kind}" Target="/xl/{kind}.xml"/>' for kind in extra
    )
    main = f"{_OPEN_XML}spreadsheetml.sheet.main+xml"
    return packed(
        {
            "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}content-types">{_DEFAULTS}<Override'
            f' PartName="/xl/workbook.xml" ContentType="{main}"/></Types>',
            "_rels/.rels": _root_relation("xl/workbook.xml"),
            "xl/workbook.xml": f'<workbook xmlns="{S}" xmlns:r="{R}"><sheets>{listed}</sheets>'
            "</workbook>",
            "xl/_rels/workbook.xml.rels": _relations(relations),
            "xl/sharedStrings.xml": f'<sst xmlns="{S}">{strings}</sst>',
            "xl/styles.xml": f'<styleSheet xmlns="{S}">{styles}</styleSheet>',
            **{
                f"xl/worksheets/sheet{n}.xml": f'<worksheet xmlns="{S}"><sheetData>{rows}'
                "</sheetData></worksheet>"
                for n, rows in zip(names, sheets, strict=True)
            },
        }
    )


_DEFAULTS = (
    f'<Default Extension="rels" ContentType="{_PACKAGE}relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
)


def _root_relation(target: str) -> str:
    return _relations(f'<Relationship Id="r1" Type="{R}/officeDocument" Target="{target}"/>')


def _relations(relations: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}relationships">{relations}</Relationships>'
