"""Manual pages: what a page says it is for, and the description that follows.

A page's NAME section is one line, `strtok, strtok_r \\- extract tokens from strings`: names, and
what they do in the words of its authors.
https://manpages.debian.org/stable/manpages/man-pages.7.en.html
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("/usr/share/man")
SECTIONS = ("man2", "man3", "man4", "man5", "man7")
MAX_CHARACTERS = 1_500
"""Of a description: longer ones would make a few pages most of the passages."""
_SECTION = re.compile(r'^\.S[Hh] +"?([^"\n]+?)"?\s*$', re.M)
_COMMENT = re.compile(r'(?:\\"|^[.\']\\?").*$', re.M)
_FONT = re.compile(r"\\f(?:\[[^\]]*\]|\(..|.)")
_SPECIAL = {"\\-": "-", "\\(aq": "'", "\\(dq": '"', "\\(bu": "", "\\&": "", "\\e": "\\", "\\~": " "}
_ESCAPE = re.compile(r"\\(?:\(..|\[[^\]]*\]|.)")
_MARKED = re.compile(r"^\.(?:[BI]|BR|RB|IR|RI|BI|IB|SM|SB) +(.*)$")
_UNTOLD = re.compile(r"^[.']")


@dataclass(frozen=True, slots=True)
class ManualPage:
    """`purpose` is what follows the names; `text` is the beginning of the description."""

    id: str
    purpose: str
    text: str


def installed(folder: Path = FOLDER) -> bool:
    """Return whether the pages of manpages and manpages-dev are installed."""
    return (folder / "man7" / "signal.7.gz").is_file() and (
        folder / "man3" / "qsort.3.gz"
    ).is_file()


def pages(folder: Path = FOLDER) -> Iterator[ManualPage]:
    """Yield the pages that have a purpose and a description, each once, in order of their ids."""
    known = set[tuple[str, str]]()
    for section in SECTIONS:
        for file in sorted((folder / section).glob("*.gz")):
            page = _page(file.name.removesuffix(".gz"), gzip.decompress(file.read_bytes()))
            if page is not None and (page.purpose, page.text) not in known:
                known.add((page.purpose, page.text))
                yield page


def _page(name: str, content: bytes) -> ManualPage | None:
    parts = _SECTION.split(_COMMENT.sub("", content.decode("utf-8", "replace")))
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    purpose = plain_text(sections.get("NAME", "")).partition(" - ")[2]
    text = plain_text(sections.get("DESCRIPTION", ""))
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS].rpartition(" ")[0]
    return ManualPage(name, " ".join(purpose.split()), text) if purpose and text else None


def plain_text(roff: str) -> str:
    """Return the words of a part of a page: text lines, and the arguments of font macros."""
    told = []
    for line in roff.splitlines():
        marked = _MARKED.match(line)
        if marked:
            told.append(_joined(marked.group(1), together=line[1:3].strip() not in ("B", "I")))
        elif line.startswith((".P", ".TP", ".IP", ".SS")):
            told.append("\n")
        elif line and not _UNTOLD.match(line):
            told.append(line)
    text = _FONT.sub("", " ".join(told))
    for written, character in _SPECIAL.items():
        text = text.replace(written, character)
    text = _ESCAPE.sub("", text)
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n") if part.strip())


def _joined(arguments: str, *, together: bool) -> str:
    """Return a macro's arguments: alternating fonts join them without spaces."""
    found = re.findall(r'"([^"]*)"|(\S+)', arguments)
    return ("" if together else " ").join(quoted or bare for quoted, bare in found)
