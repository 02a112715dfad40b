"""The text of spreadsheet cells: shared strings, numbers, percentages, ISO 8601 dates."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_SECONDS_A_DAY = 86_400
_EXACT = 10**15
"""The largest integer up to which a spreadsheet's number, a double, is exact."""


@dataclass(frozen=True, slots=True)
class CellFormats:
    """Indices of the cell formats that show numbers as dates, durations or percentages."""

    dates: frozenset[int] = frozenset()
    durations: frozenset[int] = frozenset()
    percentages: frozenset[int] = frozenset()

    @classmethod
    def of(cls, styles: _Element) -> CellFormats:
        """Return the cell formats that a styles part defines."""
        from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format

        codes = dict(BUILTIN_FORMATS)
        for own in styles.iterfind(f"{S}numFmts/{S}numFmt"):
            codes[int(own.get("numFmtId", "0"))] = own.get("formatCode", "")
        used = [
            codes.get(int(cell_format.get("numFmtId", "0")), "")
            for cell_format in styles.iterfind(f"{S}cellXfs/{S}xf")
        ]
        return cls(
            dates=frozenset(at for at, code in enumerate(used) if is_date_format(code)),
            durations=frozenset(at for at, code in enumerate(used) if is_timedelta_format(code)),
            percentages=frozenset(
                at for at, code in enumerate(used) if "%" in _QUOTED.sub("", code)
            ),
        )


@dataclass(frozen=True, slots=True)
class CellValues:
    """Converts cells to the text that they show."""

    strings: list[str]
    formats: CellFormats = field(default_factory=CellFormats)
    since_1904: bool = False

    def text(self, cell: _Element) -> str:
        """Return the text of a cell, "" for an empty one.

        Raises `ValueError` or `LookupError` if it is damaged.
        """
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            inline = cell.find(f"{S}is")
            return "" if inline is None else texts_of(inline)
        value = cell.findtext(f"{S}v") or ""
        if not value:
            return ""
        if kind == "s":
            return self.strings[int(value)]
        if kind == "b":
            return "TRUE" if value.strip() == "1" else "FALSE"
        if kind in ("str", "e", "d"):
            return unescaped(value)
        return self._number(value, int(cell.get("s", "0")))

    def _number(self, value: str, style: int) -> str:
        number = float(value)
        if style in self.formats.dates or style in self.formats.durations:
            return self._date(number, is_duration=style in self.formats.durations)
        if style in self.formats.percentages:
            return f"{number * 100:.10g}%"
        if number.is_integer() and abs(number) < _EXACT:
            return str(int(number))
        return f"{number:.15g}"

    def _date(self, number: float, *, is_duration: bool) -> str:
        from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

        if is_duration:
            return _duration_text(round(number * _SECONDS_A_DAY))
        epoch = MAC_EPOCH if self.since_1904 else WINDOWS_EPOCH
        try:
            moment = from_excel(number, epoch)
        except (OverflowError, ValueError):
            return f"{number:.15g}"
        return date_text(moment)


def date_text(moment: datetime.datetime | datetime.date | datetime.time) -> str:
    """Return a date in ISO 8601, with its time, after a space, if that is not midnight."""
    if isinstance(moment, datetime.datetime):
        day, time = moment.date(), moment.time()
        return day.isoformat() if time == datetime.time() else f"{day} {_time_text(time)}"
    return _time_text(moment) if isinstance(moment, datetime.time) else moment.isoformat()


def texts_of(element: _Element) -> str:
    """Return the text of a shared or inline string, without its phonetic reading."""
    pieces = [
        text.text or ""
        for text in element.iter(f"{S}t")
        if (parent := text.getparent()) is None or parent.tag != f"{S}rPh"
    ]
    return unescaped("".join(pieces))


def unescaped(text: str) -> str:
    """Return text without the escapes of characters that XML cannot hold: `_x000D_`."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text)


def _time_text(time: datetime.time) -> str:
    return time.isoformat("seconds" if time.second else "minutes")


def _duration_text(seconds: int) -> str:
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{sign}{hours}:{minute:02}:{second:02}"
