"""Readers of dates, of times of day and of both together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import time

from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.values.characters import folded, normal_word, stripped
from chalicelib.extraction.values.date_grammar import DateSpan, find_dates
from chalicelib.extraction.values.locale_table import locale_table
from chalicelib.extraction.values.reading_hints import ReadingHints
from chalicelib.extraction.values.value_match import ValueMatch

_TIME = re.compile(
    r"(?<![\d.,:/-])(?P<hour>\d{1,2})"
    r"(?:(?P<mark>[:.hH]|[ ]?[時时시][ ]?)(?P<minute>\d{2})[分분]?"
    r"(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?(?:[ ]?(?P<hours>Uhr|uur|h|Z|[+-]\d\d:?\d\d))?)?"
    r"(?![\d/]|[.:,]\d)"
)
_PERIOD_AFTER = re.compile(
    r"[ ]?(?P<word>[^\W\d_]\.[ ]?[^\W\d_](?:\.|(?!\w))|[^\W\d_](?:[^\W\d_.]|\.(?=[^\W\d_]))*\.?)"
)
_PERIOD_BEFORE = re.compile(r"(?P<word>[^\W\d_]+)[ ]?\Z")
_LONGEST_PERIOD = 12
_BETWEEN = re.compile(r"[\s,;T]{1,3}(?:[^\W\d_]{1,4}\.?[ ]?)?")
_AFTER_DATE = 24
"""The most characters in which the time begins after a date."""
_SPOKEN = 0.9


@dataclass(frozen=True, slots=True)
class _TimeSpan:
    start: int
    end: int
    value: time
    zone: str
    quality: float


class DateReader:
    """Finds days; the value is as ISO 8601 writes it."""

    kind = LeafKind.DATE

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the dates of a text, in its order."""
        for span in find_dates(text, hints):
            yield _match(span)

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the date that the whole text is; a weekday or a word of it may stand around."""
        start, end = stripped(text)
        whole = text[start:end]
        if len(whole) > _LONGEST_CELL:
            return None
        found = list(find_dates(whole, hints))
        if len(found) != 1:
            return None
        rest = whole[: found[0].start] + " " + whole[found[0].end :]
        if any(letter.isdigit() for letter in rest) or len(rest.split()) > _WORDS_AROUND:
            return None
        is_alone = not rest.strip(" .,")
        match = _match(found[0])
        quality = match.quality if is_alone else match.quality * _SPOKEN
        return replace(match, start=start + match.start, end=start + match.end, quality=quality)


_LONGEST_CELL = 80
_WORDS_AROUND = 2


def _match(span: DateSpan) -> ValueMatch:
    return ValueMatch(
        span.start, span.end, span.value.isoformat(), span.quality, ambiguous=span.ambiguous
    )


class TimeReader:
    """Finds times of day; a zone is added only where the text has one."""

    kind = LeafKind.TIME

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the times of a text, in its order."""
        for span in _find_times(text):
            yield ValueMatch(span.start, span.end, _iso(span), span.quality)

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the time that the whole text is, or None."""
        start, end = stripped(text)
        for span in _find_times(text[start:end]):
            if (span.start, span.end) == (0, end - start):
                return ValueMatch(start, end, _iso(span), span.quality)
            break
        return None


class DateTimeReader:
    """Finds a date with the time after it, or a date alone with less quality."""

    kind = LeafKind.DATE_TIME

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the dates with times of a text, in its order."""
        for span in find_dates(text, hints):
            yield _with_time(text, span)

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the date and time that the whole text is, or None."""
        start, end = stripped(text)
        found = list(self.find(text[start:end], hints)) if end - start <= _LONGEST_CELL else []
        if len(found) != 1 or (found[0].start, found[0].end) != (0, end - start):
            return None
        return replace(found[0], start=start, end=end)


def _with_time(text: str, span: DateSpan) -> ValueMatch:
    # After the T of ISO 8601, which would be a letter before the time.
    place = span.end + (text[span.end : span.end + 1] == "T")
    for found in _find_times(text[place : place + _AFTER_DATE]):
        if _BETWEEN.fullmatch(folded(text[span.end : place + found.start])):
            value = f"{span.value.isoformat()}T{_iso(found)}"
            quality = span.quality * found.quality
            end = place + found.end
            return ValueMatch(span.start, end, value, quality, ambiguous=span.ambiguous)
        break
    value = f"{span.value.isoformat()}T00:00:00"
    return ValueMatch(span.start, span.end, value, span.quality * 0.5, ambiguous=span.ambiguous)


def _iso(span: _TimeSpan) -> str:
    return span.value.isoformat() + span.zone


def _find_times(text: str) -> Iterator[_TimeSpan]:
    plain, earliest = folded(text), 0
    for found in _TIME.finditer(plain):
        span = _time(text, plain, found, earliest)
        if span is not None:
            earliest = span.end
            yield span


def _time(text: str, plain: str, found: re.Match[str], earliest: int) -> _TimeSpan | None:
    hour, start, end = int(found["hour"]), found.start(), found.end()
    minute, second = int(found["minute"] or 0), int(found["second"] or 0)
    half, start, end = _day_period(plain, start, end, earliest)
    is_plain = found["mark"] is not None and (found["mark"] != "." or found["hours"] is not None)
    if half is None and not is_plain:
        return None
    if half is not None:
        if not 1 <= hour <= 12:
            half = None if hour < 24 else half
        else:
            hour = hour % 12 + 12 * half
    if start and plain[start - 1].isalpha():
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    zone = found["hours"] or ""
    zone = zone if zone[:1] in ("Z", "+", "-") and zone else ""
    if len(zone) == 5:
        zone = f"{zone[:3]}:{zone[3:]}"
    return _TimeSpan(start, end, time(hour, minute, second), zone, 1.0 if found["mark"] else 0.8)


def _day_period(plain: str, start: int, end: int, earliest: int) -> tuple[int | None, int, int]:
    """Return the half of the day that a word beside a time says, and the time with the word."""
    after = _PERIOD_AFTER.match(plain[end : end + _LONGEST_PERIOD])
    if after is not None:
        half = _half(after["word"])
        if half is not None:
            return half, start, end + after.end()
    first = max(earliest, start - _LONGEST_PERIOD)
    before = _PERIOD_BEFORE.search(plain[first:start])
    if before is not None and not before["word"].isascii():
        half = _half(before["word"])
        if half is not None:
            return half, first + before.start(), end
    return None, start, end


def _half(word: str) -> int | None:
    plain = normal_word(word).replace(".", "").replace(" ", "")
    is_letter = len(plain) == 1 and plain.isascii()
    return None if is_letter else locale_table().day_periods.get(plain)
