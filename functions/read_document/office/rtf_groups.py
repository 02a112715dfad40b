"""Split an RTF file into body, notes, headers and footers, without images.

One pass over the file also inserts marker characters where the library that extracts the text would
leave no trace: where a heading, a cell, a row, a page begins. Words are those of the Rich Text
Format Specification 1.9.1 (Microsoft, 2008).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

from chalicelib.errors import InvalidInput

MAX_DEPTH = 1_000

CELL, ROW, PAGE, NOTE, PARAGRAPH, RESET, IN_TABLE = map(chr, range(0xE000, 0xE007))
"""Private-use characters, which are removed from all other text."""
LEVELS = "".join(map(chr, range(0xE010, 0xE019)))
"""The signs of the nine outline levels."""

_TOKEN = re.compile(r"\\(?P<word>[a-zA-Z]{1,32})(?P<arg>-?[0-9]{1,10})?|\\[^a-zA-Z]|[{}]")
_SIGNS = {
    "cell": CELL,
    "row": ROW,
    "page": PAGE,
    "pagebb": PAGE,
    "par": PARAGRAPH,
    "sect": PARAGRAPH,
    "pard": RESET,
    "intbl": IN_TABLE,
}


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DROPPED = _names(
    "pict objdata themedata colorschememapping datastore stylesheet listtable listoverridetable"
    " info rsidtbl latentstyles colortbl filetbl revtbl generator annotation atnid atnauthor"
    " nonshppict nonesttables xmlnstbl"
)
_MARGINS = frozenset(f"{part}{side}" for part in ("header", "footer") for side in ("", *"lrf"))
_HIDES = ("deleted", "v")
_HIGH = re.compile("[\x80-\xff]")
_FONT = re.compile(r"\\f(?P<font>[0-9]{1,6})|\\fcharset(?P<charset>[0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class RtfParts:
    """An RTF file in pieces, each a complete RTF file."""

    body: str
    notes: str
    margins: str
    deletions: int
    comments: int


@dataclass(slots=True)
class _RtfGroup:
    """A group whose text goes to its own output; without `out` it is dropped."""

    depth: int
    kind: str
    out: list[str] | None


@dataclass(slots=True)
class _RtfSplitter:
    """Splits the tokens of a file into body, notes, headers and footers."""

    depth: int = 0
    frames: list[_RtfGroup] = field(default_factory=lambda: [_RtfGroup(0, "body", [])])
    notes: list[str] = field(default_factory=list)
    margins: list[str] = field(default_factory=list)
    code_page: str = ""
    default_font: str = ""
    fonts: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    def emit(self, text: str) -> None:
        out = self.frames[-1].out
        if out is not None and text:
            out.append(text)

    def open(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise InvalidInput(
                f"The RTF document nests its groups more than {MAX_DEPTH} deep.",
                field="file",
                limit=str(MAX_DEPTH),
            )
        self.emit("{")

    def close(self) -> None:
        frame = self.frames[-1]
        if frame.depth == self.depth and len(self.frames) > 1:
            self.frames.pop()
            self._keep(frame)
        self.emit("}")
        self.depth -= 1

    def word(self, word: str, argument: str, token: str) -> None:
        """Process a control word: open the group that it begins, or emit it with its sign."""
        top = self.frames[-1]
        if word == "shptxt" and top.kind == "shp":
            self.frames.append(_RtfGroup(self.depth, "box", []))
        elif top.out is None:
            return
        elif word in _DROPPED or word == "shp" or self._hides(word, argument):
            self.counts[word] = self.counts.get(word, 0) + 1
            self.frames.append(_RtfGroup(self.depth, word, None))
        elif word == "footnote":
            self.emit(f"{NOTE}[{len(self.notes) + 1}]")
            self.frames.append(_RtfGroup(self.depth, "note", []))
        elif word in _MARGINS:
            self.frames.append(_RtfGroup(self.depth, "margin", []))
        elif word == "fonttbl":
            self.frames.append(_RtfGroup(self.depth, "fonts", []))
        elif word == "outlinelevel" and argument.isdigit() and int(argument) < len(LEVELS):
            self.emit(token + LEVELS[int(argument)])
        else:
            self._plain(word, argument, token)

    def _plain(self, word: str, argument: str, token: str) -> None:
        if word == "ansicpg":
            self.code_page = token
        elif word == "deff":
            self.default_font = token
        elif word == "nestcell":
            token = "\\tab "  # noqa: S105 - no password
        elif word == "field":
            token = "\\field "  # noqa: S105 - keeps a slow pattern of the library from matching
        elif word == "u" and int(argument or 0) % 0x10000 in range(0xE000, 0xE100):
            token = "\\u32"  # noqa: S105 - a sign of ours, not of the file's
        self.emit(token + _SIGNS.get(word, ""))

    def _hides(self, word: str, argument: str) -> bool:
        """Return whether a word hides the rest of its group; never the rest of the file."""
        return word in _HIDES and argument != "0" and self.depth > 1

    def _keep(self, frame: _RtfGroup) -> None:
        text = "".join(frame.out or ())
        if frame.kind == "note":
            self.notes.append(text)
        elif frame.kind == "margin":
            self.margins.append(text)
        elif frame.kind == "fonts":
            self.fonts = _font_table(text)
            self.emit("\\fonttbl" + self.fonts)
        elif frame.kind == "box":
            below = next(below for below in reversed(self.frames) if below.out is not None)
            if below.out is not None:
                below.out.append(f"{{\\par{PARAGRAPH} {text}\\par{PARAGRAPH}}}")


def split_rtf(data: bytes) -> RtfParts:
    """Return the parts of an RTF file.

    Raises `InvalidInput` if it is cut off or nests too deep.
    """
    text = data.decode("latin-1")
    taker = _RtfSplitter()
    at = max(text.find("{"), 0)
    while (token := _TOKEN.search(text, at)) is not None:
        taker.emit(text[at : token.start()])
        at = token.end()
        if token.group() == "{":
            taker.open()
        elif token.group() == "}":
            taker.close()
            if taker.depth <= 0:
                break
        elif token["word"] == "bin":
            at += int(token["arg"] or 0) + text.startswith(" ", at)
        elif token["word"]:
            taker.word(token["word"], token["arg"] or "", token.group())
        else:
            taker.emit(token.group())
    if taker.depth or token is None:
        raise InvalidInput(
            "The RTF document is damaged or cut off; open and save it again, then upload it.",
            field="file",
        )
    return RtfParts(
        body=_seven_bit("".join(taker.frames[0].out or ())),
        notes=_rtf_file(taker, [f"{NOTE}{note}" for note in taker.notes]),
        margins=_rtf_file(taker, [f"{{{margin}}}\\par{PARAGRAPH}" for margin in taker.margins]),
        deletions=taker.counts.get("deleted", 0),
        comments=taker.counts.get("annotation", 0),
    )


def _rtf_file(taker: _RtfSplitter, texts: list[str]) -> str:
    """Return texts as a file with the code page and the fonts of the one they are from."""
    head = f"{{\\rtf1\\ansi{taker.code_page}{taker.default_font}{{\\fonttbl{taker.fonts}}}"
    return _seven_bit(head + "".join(f"{{{text}}}" for text in texts) + "}") if texts else ""


def _font_table(text: str) -> str:
    """Return a font table with only the character set of each font.

    One line per font: the library looks for the end of an entry up to the end of its line.
    """
    from striprtf.striprtf import charset_map

    font = ""
    lines: list[str] = []
    for match in _FONT.finditer(text):
        font = match["font"] or font
        charset = match["charset"]
        if charset and font and _is_known(charset_map.get(int(charset), "")):
            lines.append(f"\n{{\\f{font}\\fcharset{charset} x;}}")
    return "".join(lines) + "\n"


def _is_known(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return False
    return True


def _seven_bit(text: str) -> str:
    """Return text whose bytes above 127 are written as RTF writes them."""
    return _HIGH.sub(lambda match: f"\\'{ord(match.group()):02x}", text)
