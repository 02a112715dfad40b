"""Dates in text: the parts of a date in the orders and with the words of any language.

A date is a day, a month and a year within a few words of each other. Months have names in the table
of CLDR; the words between the parts (`de`, `年`) may be only those that CLDR's own dates have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from chalicelib.extraction.values.characters import joins_word
from chalicelib.extraction.values.date_parts import (
    DATE_MARKS,
    DatePart,
    date_parts,
)
from chalicelib.extraction.values.date_tokens import DateToken, date_tokens
from chalicelib.extraction.values.reading_hints import ReadingHints

_BUDDHIST = 543
"""The years that the calendar of Thailand is ahead."""
_AMBIGUOUS, _TWO_DIGITS, _LANGUAGES_DIFFER, _WRAPPED = 0.6, 0.9, 0.7, 0.8


@dataclass(frozen=True, slots=True)
class DateSpan:
    """A date in text.

    Attributes:
        start: Its first character.
        end: The character after the last one.
        value: The day.
        quality: How plainly the characters say it, from 0 to 1.
        ambiguous: Whether day and month may be swapped, or languages differ on the month's name.
    """

    start: int
    end: int
    value: date
    quality: float
    ambiguous: bool


def find_dates(text: str, hints: ReadingHints) -> Iterator[DateSpan]:
    """Yield the dates of a text in its order. Linear in the text."""
    tokens = date_tokens(text)
    place = 0
    while place < len(tokens):
        found = _date_at(tokens, place, hints)
        if found is None:
            place += 1
            continue
        span, place = found
        yield span


def _date_at(
    tokens: list[DateToken], place: int, hints: ReadingHints
) -> tuple[DateSpan, int] | None:
    """Return the date that begins at a token, and the token after it."""
    first = tokens[place]
    if not _may_begin(tokens, place):
        return None
    if first.is_number and first.end - first.start == 8:
        return _compact(tokens, place)
    parts, after, era = date_parts(tokens, place, hints)
    if len(parts) < 3:
        return None
    span = _read(parts, era, hints)
    if span is None:
        return None
    if era:
        span = DateSpan(first.start, span.end, span.value, span.quality, span.ambiguous)
    if after < len(tokens) and tokens[after].word in ("日", "일", "號", "号"):
        span = DateSpan(span.start, tokens[after].end, span.value, span.quality, span.ambiguous)
        after += 1
    return (span, after) if _may_end(tokens, after) else None


def _may_begin(tokens: list[DateToken], place: int) -> bool:
    """Return whether no number or mark before a token makes it a part of something longer."""
    token = tokens[place]
    if token.shape not in "0a":
        return False
    if not token.is_number:
        return True
    before = tokens[place - 1] if place else None
    if before is None or before.shape == " " or before.word.isspace():
        return True
    if before.word in DATE_MARKS and place > 1 and tokens[place - 2].is_number:
        return False
    return before.shape != "a" or not joins_word(before.word[-1:])


def _may_end(tokens: list[DateToken], after: int) -> bool:
    """Return whether no further number is joined to the last part."""
    if after >= len(tokens):
        return True
    token = tokens[after]
    if token.is_number:
        return False
    joined = token.word in ("/", "-", ".") and after + 1 < len(tokens)
    return not (joined and tokens[after + 1].is_number)


def _compact(tokens: list[DateToken], place: int) -> tuple[DateSpan, int] | None:
    """Read 20250304 as ISO 8601's basic form."""
    token = tokens[place]
    if not 1900 <= int(token.word[:4]) <= 2100 or not _may_end(tokens, place + 1):
        return None
    value = _day(int(token.word[:4]), int(token.word[4:6]), int(token.word[6:]))
    if value is None:
        return None
    return DateSpan(token.start, token.end, value, _AMBIGUOUS, False), place + 1


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _read(parts: list[DatePart], era: int, hints: ReadingHints) -> DateSpan | None:
    """Return the day that three parts say, in the order that they can have."""
    months = [number for number, part in enumerate(parts) if part.month]
    if len(months) == 1:
        return _with_name(parts, months[0], hints)
    if months or not _is_one_form(parts):
        return None
    if era or parts[0].unit == "y":
        return _in_order(parts, (0, 1, 2), hints, era=era)
    if parts[0].digits == 4:
        return _in_order(parts, (0, 1, 2), hints)
    if parts[1].digits == 4 or any(part.digits == 4 for part in parts[:2]):
        return None
    return _day_and_month(parts, hints)


def _is_one_form(parts: list[DatePart]) -> bool:
    """Return whether the marks between numbers are those of one date."""
    one, two = (part.gap.replace(" ", "") for part in parts[1:])
    if any(part.unit for part in parts):
        return True
    has_words = any(letter.isalpha() for letter in one + two)
    if has_words:
        return any(word in one + two for word in ("tháng", "月", "월"))
    return one == two and one in ("/", ".", "-") and (one != "." or parts[2].digits != 1)


def _with_name(parts: list[DatePart], named: int, hints: ReadingHints) -> DateSpan | None:
    """Read a date whose month has a name: the day and the year are told by digits and place."""
    others = [number for number in range(3) if number != named]
    first, second = (parts[number] for number in others)
    if any(mark in part.gap for part in parts[1:] for mark in "()"):
        return None
    if named == 2 or (named == 0 and first.digits == 4):
        # A month stands last after its year: 2025, 4 March, or before a day that follows a year.
        if named != 2 or first.digits != 4:
            return None
        return _in_order(parts, (others[0], named, others[1]), hints)
    if first.digits == 4 and second.digits <= 2:
        return _in_order(parts, (others[0], named, others[1]), hints)
    if first.digits <= 2 and (second.digits == 4 or second.digits == 2):
        return _in_order(parts, (others[1], named, others[0]), hints)
    return None


def _in_order(
    parts: list[DatePart], order: tuple[int, int, int], hints: ReadingHints, era: int = 0
) -> DateSpan | None:
    """Return the date of parts whose places of year, month and day are given."""
    year_part, month_part, day_part = (parts[number] for number in order)
    year, quality = _year(year_part, hints, era)
    is_wrapped = any("\n" in part.gap for part in parts)
    if is_wrapped and year_part.digits != 4:
        return None
    value = _day(year, month_part.month or month_part.number, day_part.number)
    if value is None:
        return None
    quality *= _LANGUAGES_DIFFER if month_part.differs else 1.0
    quality *= _WRAPPED if is_wrapped else 1.0
    start, end = parts[0].token.start, parts[-1].token.end
    return DateSpan(start, end, value, quality, month_part.differs)


def _year(part: DatePart, hints: ReadingHints, era: int) -> tuple[int, float]:
    year = part.number
    if era:
        return era + year, 1.0
    if part.digits == 4:
        is_buddhist = hints.language == "th" and year > 2400
        return (year - _BUDDHIST if is_buddhist else year), 1.0
    century = hints.latest_year // 100 * 100
    year += century
    return (year if year <= hints.latest_year else year - 100), _TWO_DIGITS


def _day_and_month(parts: list[DatePart], hints: ReadingHints) -> DateSpan | None:
    """Read three numbers of which the last is the year, or the first if it can be nothing else."""
    if hints.year_first and parts[0].digits == 2:
        found = _in_order(parts, (0, 1, 2), hints)
        if found is not None:
            return found
    if parts[2].digits == 1:
        return None
    day_first = _in_order(parts, (2, 1, 0), hints)
    month_first = _in_order(parts, (2, 0, 1), hints)
    year_first = _in_order(parts, (0, 1, 2), hints) if parts[2].digits == 2 else None
    if day_first is None or month_first is None or day_first.value == month_first.value:
        return day_first or month_first or year_first
    is_said = "tháng" in parts[1].gap
    chosen = month_first if hints.day_first is False and not is_said else day_first
    if is_said:
        return chosen
    is_known = hints.day_first is not None
    quality = chosen.quality * (0.9 if is_known else _AMBIGUOUS)
    return DateSpan(chosen.start, chosen.end, chosen.value, quality, not is_known)
