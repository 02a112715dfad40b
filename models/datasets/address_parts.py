"""Addresses of the United States with their parts, as tagged texts.

DataMade's usaddress, MIT, https://github.com/datamade/usaddress: addresses as people and offices
wrote them, each of whose words has a part by hand. Of its files those by hand are read, and what
was made by a program is left out. The split is by the hash of the street, so that no held-out
address is in a street that was trained on; two files of other sources are held out altogether.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from models.data.packages import PythonPackage, read_python_files
from models.training_data.channel import DataPart, DataSource, write_channel
from models.training_data.rows import LabelledSpan, TaggedText

PACKAGE = PythonPackage(
    "usaddress", "0.5.16", "f7e614e2489c159cf85be1b6f86edbfaf329dbeedef4d002a025757afd1ec6c6"
)
LICENCE = "MIT"
SOURCE = "https://github.com/datamade/usaddress"
SPLIT_FILE = "training/labeled.xml"
HELD_OUT_FILES = ("training/us50_train_tagged.xml", "training/us50_messiest_manual_label.xml")

CLASSES: Mapping[str, str] = {
    "AddressNumberPrefix": "number",
    "AddressNumber": "number",
    "AddressNumberSuffix": "number",
    "StreetNamePreModifier": "street",
    "StreetNamePreDirectional": "street",
    "StreetNamePreType": "street",
    "StreetName": "street",
    "StreetNamePostType": "street",
    "StreetNamePostDirectional": "street",
    "StreetNamePostModifier": "street",
    "SubaddressType": "unit",
    "SubaddressIdentifier": "unit",
    "OccupancyType": "unit",
    "OccupancyIdentifier": "unit",
    "USPSBoxType": "box",
    "USPSBoxID": "box",
    "USPSBoxGroupType": "box",
    "USPSBoxGroupID": "box",
    "PlaceName": "place",
    "StateName": "state",
    "ZipCode": "zip",
    "ZipPlus4": "zip",
    "Recipient": "name",
    "BuildingName": "name",
    "LandmarkName": "name",
}
"""The part of an address by the file's finer ones; others, such as countries, are not tagged."""
_EDGES = " ,;.()\"'"
_TESTED, _VALIDATED = 0.25, 0.10
"""The shares of streets to test and to validate by."""


def prepare(into: Path) -> Path:
    """Write the channel and return its folder. Raises NoDataset, BadData, DiskFull."""
    files = read_python_files(PACKAGE, [SPLIT_FILE, *HELD_OUT_FILES])
    about = DataSource(source=SOURCE, licence=LICENCE, split="by the hash of the street")
    write_channel(into, "tagged_text", split(files), about)
    return into


def split(files: Mapping[str, bytes]) -> Mapping[DataPart, list[TaggedText]]:
    """Return the addresses of the package's files by their parts; a street is in one of them."""
    train: list[TaggedText] = []
    validation: list[TaggedText] = []
    test = [row for name in HELD_OUT_FILES for row in rows(files[name])]
    known = {row.group for row in test}
    for row in rows(files[SPLIT_FILE]):
        share = int(hashlib.sha256((row.group or row.text).encode()).hexdigest()[:8], 16) / 16**8
        if row.group in known or share < _TESTED:
            test.append(row)
        elif share < _TESTED + _VALIDATED:
            validation.append(row)
        else:
            train.append(row)
    return {"train": train, "validation": validation, "test": test}


def rows(file: bytes) -> Iterator[TaggedText]:
    """Yield the addresses of a file, each text once."""
    seen = set()
    for address in ElementTree.fromstring(file):  # noqa: S314 - pinned by its hash
        text, spans = _read(address)
        if spans and text not in seen:
            seen.add(text)
            yield TaggedText(id=text, group=_street(address) or text, text=text, spans=spans)


def _street(address: ElementTree.Element) -> str:
    words = [each.text or "" for each in address if each.tag == "StreetName"]
    return " ".join(words).casefold().strip(_EDGES)


def _read(address: ElementTree.Element) -> tuple[str, tuple[LabelledSpan, ...]]:
    """Return an address's text and its parts: words of a part that stand together are one span."""
    text = ""
    spans: list[LabelledSpan] = []
    together = False
    for word in address:
        label, said = CLASSES.get(word.tag, ""), word.text or ""
        bare = said.strip(_EDGES)
        start = len(text) + said.find(bare)
        if label and bare:
            if together and spans and spans[-1].label == label:
                start = spans.pop().start
            end = len(text) + said.find(bare) + len(bare)
            spans.append(LabelledSpan(start=start, end=end, label=label))
        between = word.tail or ""
        together = bool(label) and not said.rstrip().endswith((",", ";")) and not between.strip()
        text += said + (between if between.strip() else " ")
    return text.rstrip(), tuple(spans)
