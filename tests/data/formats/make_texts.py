"""Makes the samples of texts, tables, JSON, XML, mail, source code and ZIP, and some hostile ones.

    python -m tests.data.formats.make_texts

The same bytes each time. Golden results are written by `python -m tests.data.formats.golden`.
"""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

HERE = Path(__file__).parent
HOSTILE = HERE / "hostile"
_WHEN = (2026, 1, 2, 3, 4, 6)

STATION = """{
  "station": {
    "name": "Voss Weir",
    "turbine": {"maker": "Voss Hydro", "kilowatts": 410, "built": 2011},
    "serial": 123456789012345678901234567890,
    "efficiency": NaN
  },
  "readings": [
    {"day": "2026-03-01", "flow": 12.50, "level": 2.1},
    {"day": "2026-03-02", "flow": 13.75, "level": 2.2},
    {"day": "2026-03-03", "flow": 11.00}
  ],
  "rules": [
    "Nobody enters the turbine hall alone.",
    "The rack is cleaned each morning before the weir is opened."
  ],
  "contacts": [
    {"name": "Ann", "phones": ["555-1", "555-2"], "address": {"town": "Wells", "street": "Mill"}},
    {"name": "Bob", "phones": [], "address": {"town": "Hay", "street": "Lock"}}
  ],
  "owner": "The county",
  "owner": "The village since 2020"
}
"""

HANDBOOK = """<?xml version="1.0" encoding="ISO-8859-1"?>
<handbook xmlns="http://example.org/handbook" version="3">
  <title>The station's handbook</title>
  <chapter id="gates">
    <title>Opening the gates</title>
    <p>Open the <b>left</b> gate first, then wait for <i>two</i> minutes.</p>
    <p>The caf\u00e9 across the river is told beforehand.</p>
  </chapter>
  <chapter id="spares">
    <title>Spare parts</title>
    <part number="7" name="bolt" count="12"/>
    <part number="9" name="washer" count="90"/>
    <note>Order them in May.</note>
  </chapter>
</handbook>
"""

SOURCE = """package weir

// Gate is one of the gates of the weir.
type Gate struct {
\tName string
\tOpen bool
}

// OpenGate opens the gate unless the river is too high.
func (w *Weir) OpenGate(name string) error {
\tif w.Level > 3 {
\t\treturn ErrTooHigh
\t}
\treturn nil
}
"""

CSV = "part,count\nbolt,12\nwasher,90\n"

READINGS = """day;flow;level;note
2026-03-01;12,50;2,1;"The left gate; half open"
2026-03-02;13,75;2,2;"Rain all day,
then ""very"" high water"
2026-03-03;11,00;;closed
2026-03-04;10,25;1,9;caf\u00e9 flooded
"""

SPARES = """part\twhere\tpieces
Shear pin\tCabinet 4, upper shelf\t12
Bearing seal\tCabinet 4, "lower" shelf\t3
Guide vane bush\t\t8
"""

EVENTS = """{"at": "2026-03-01T06:00:00Z", "what": "gate opened", "gate": "left"}
{"at": "2026-03-01T07:30:00Z", "what": "gate closed", "gate": "left"}

{"at": "2026-03-02T05:10:00Z", "what": "alarm", "gate": null, "values": {"level": 3.1, "limit": 3}}
"The log was cut here."
"""

RULES = """---
title: Rules of the weir
---
# Rules

Nobody opens a gate **alone**. See [the handbook](handbook.xml).

## Before the river rises

1. Clear the rack.
   - The rake hangs in the mill.
2. Tell the caf\u00e9.

| Level | What to do |
|-------|------------|
| 2.5 m | Watch      |
| 3.0 m | Close      |

> The river has no owner.

    weir --close left
"""

NOTICE = """<!doctype html>
<html lang="de"><head><meta charset="iso-8859-1"><title>Aushang</title>
<script>document.write("nie")</script></head><body>
<nav hidden>Startseite</nav>
<h1>Aushang am Wehr</h1>
<p>Das Caf\u00e9 am Wehr zieht im Mai in die M\u00fchle um. Bitte benutzen Sie den Weg
&uuml;ber die obere Br\u00fccke.</p>
<h2>\u00d6ffnungszeiten</h2>
<table><tr><th>Tag<th>Zeit<tr><td>Samstag<td>10&ndash;16<tr><td>Sonntag<td>12&ndash;16</table>
<ul><li>Hunde bleiben drau\u00dfen.<li>Fahrr\u00e4der auch.</ul>
</body></html>
"""

MINUTES = """Minutes of the meeting at the weir, 3 March 2026

Present: Anna, Bob, J\u00fcrgen.

The left gate was repaired in February. It cost 1,840 francs, of which the county pays half.
Bob keeps the key until May.

Next meeting: 7 April 2026, in the mill.
"""


def mail(*, attach: bool = True) -> bytes:
    """Return a mail with a text, the same in HTML, and two files."""
    message = _mail("The caf\u00e9 moves", "anna@example.org")
    message["Cc"] = "J\u00fcrgen M\u00fcller <j.mueller@example.org>"
    message.set_content("The caf\u00e9 at the weir moves to the mill on 3 May 2026.\n", "plain")
    message.add_alternative("<p>The <b>caf\u00e9</b> moves to the mill.</p>", "html")
    if attach:
        message.add_attachment(CSV.encode(), "text", "csv", filename="../parts.csv")
        inner = _mail("Keys", "bob@example.org")
        inner.set_content("The key hangs behind the door.\n")
        message.add_attachment(inner)
    _set_boundaries(message)
    return message.as_bytes(policy=SMTP)


def zipped(files: dict[str, bytes]) -> bytes:
    """Return an archive of `files`, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _WHEN), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def samples() -> dict[str, bytes]:
    """Return the well-meant samples by name."""
    return {
        "readings.csv": READINGS.encode("windows-1252"),
        "spares.tsv": SPARES.encode(),
        "events.jsonl": EVENTS.encode(),
        "rules.md": RULES.encode(),
        "aushang.html": NOTICE.encode("latin-1"),
        "minutes.txt": MINUTES.encode("utf-16"),
        "station.json": STATION.encode(),
        "handbook.xml": HANDBOOK.encode("latin-1"),
        "gates.go": SOURCE.encode(),
        "cafe.eml": mail(),
        "papers.zip": zipped(
            {
                "parts/parts.csv": CSV.encode(),
                "notes.md": b"# Notes\n\nThe spare key is in the mill.\n",
                "cafe.eml": mail(attach=False),
                "__MACOSX/._notes.md": b"\0\5\x16\7",
                ".DS_Store": b"\0\0\0\1Bud1",
                "empty/": b"",
            }
        ),
    }


def hostile() -> dict[str, bytes]:
    """Return the samples that must be refused, by name."""
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    deep_mail = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(300)
    )
    return {
        "deep.json": b"[" * 100_000 + b"]" * 100_000,
        "deep-objects.json": b'{"a":' * 500 + b"1" + b"}" * 500,
        "cut.json": b'{\n  "a": 1,\n  "b": [1, 2\n',
        "deep.xml": b"<a>" * 5_000 + b"x" + b"</a>" * 5_000,
        "laughs.xml": f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "ha">{entities}]>'
        "<a>&a9;</a>".encode(),
        "external.xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">'
        b"]><a>&x;</a>",
        "cut.xml": b'<?xml version="1.0"?>\n<a><b>text</c></a>',
        "nested.eml": b"From: a@example.org\r\nSubject: deep\r\n" + deep_mail,
        "traversal.zip": zipped({"good.txt": b"good", "../../etc/cron.d/x": b"* * * * *"}),
        "absolute.zip": zipped({"/etc/passwd": b"root"}),
        "bomb.zip": zipped({"zeros.txt": bytes(8 * 1024 * 1024)}),
        "empty.zip": zipped({}),
        "litter.zip": zipped({"__MACOSX/._a": b"a", ".DS_Store": b"b"}),
        "cut.zip": zipped({"a.txt": b"text " * 500})[:60],
    }


def _mail(subject: str, sender: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = "station@example.org"
    message["Subject"] = subject
    message["Date"] = "Mon, 02 Mar 2026 08:15:00 +0100"
    return message


def _set_boundaries(message: EmailMessage) -> None:
    for number, part in enumerate(message.walk()):
        if part.get_content_maintype() == "multipart":
            part.set_boundary(f"part-{number}")


def main() -> None:
    """Write every sample beside this file."""
    HOSTILE.mkdir(exist_ok=True)
    for folder, made in ((HERE, samples()), (HOSTILE, hostile())):
        for name, data in made.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
