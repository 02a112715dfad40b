"""Names and labels of business software with their translations, from catalogues of packages.

The catalogues are those of shops and of a registration of events under the MIT and BSD licences.
They are fetched from the registries by name, version and hash; no catalogue is kept here.
"""

from __future__ import annotations

import gettext
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from models.real_files.packages import contents
from models.real_files.questions import Package, RealFile

CATALOGUES = Path(__file__).with_name("catalogues.jsonl")
MAX_LETTERS, MAX_WORDS = 50, 4
"""Of a text that may be a label: longer ones are sentences to read."""
_PLACEHOLDER = re.compile(r"[{}<>%\n]|\$\(")
_LETTER = re.compile(r"[^\W\d_]")


def translations() -> list[tuple[str, str]]:
    """Return pairs of an English text and what it is in another language, in a fixed order.

    Raises:
        NoDataset: a package cannot be had.
        BadData: a package has another file.
    """
    rows = [json.loads(line) for line in CATALOGUES.read_text("utf-8").splitlines()]
    bodies = contents([_file(row) for row in rows])
    english = {row["package"]: bodies[row["file"]] for row in rows if row["file"].endswith("-en")}
    found: set[tuple[str, str]] = set()
    for row in rows:
        found |= catalogue_pairs(bodies[row["file"]], english.get(row["package"]))
    return sorted(found)


def catalogue_pairs(body: bytes, english: bytes | None) -> set[tuple[str, str]]:
    """Return the labels of a catalogue with their translations.

    Args:
        body: a compiled catalogue of gettext, or JSON of texts by keys.
        english: JSON of the English texts by the same keys; None of gettext's, which has both.
    """
    return {
        (source, target)
        for source, target in _pairs(body, english)
        if _is_label(source) and _is_label(target) and source.casefold() != target.casefold()
    }


def _file(row: Mapping[str, Any]) -> RealFile:
    package = Package(row["registry"], row["package"], row["version"], row["archive"])
    return RealFile(
        row["file"], "catalogue", package, row["member"], row["sha256"], row["licence"], ()
    )


def _pairs(body: bytes, english: bytes | None) -> Iterator[tuple[str, str]]:
    if english is None:
        found = gettext.GNUTranslations(io.BytesIO(body))
        known: Mapping[Any, str] = found._catalog  # type: ignore[attr-defined]
        texts = {key: text for key, text in known.items() if isinstance(key, str)}
    else:
        sources = _nested(english)
        texts = {sources[key]: text for key, text in _nested(body).items() if key in sources}
    for source, target in texts.items():
        yield source.strip(" :"), target.strip(" :")


def _nested(body: bytes) -> Mapping[str, str]:
    return dict(_leaves(json.loads(body), ""))


def _leaves(node: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for name, part in node.items():
            yield from _leaves(part, f"{key}.{name}")
    elif isinstance(node, str):
        yield key, node


def _is_label(text: str) -> bool:
    short = len(text) <= MAX_LETTERS and len(text.split()) <= MAX_WORDS
    return short and bool(_LETTER.search(text)) and not _PLACEHOLDER.search(text)
