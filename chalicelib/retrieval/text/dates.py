"""Dates and times of day in a text, each with the fields that it states."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.retrieval.text.terms import Word, word_set
from chalicelib.retrieval.text.units import ORDINALS, word_value

_MONTHS = "january february march april may june july august september october november december"
_MONTH = {name: n for n, name in enumerate(_MONTHS.split(), 1)} | {
    name[:3]: n for n, name in enumerate(_MONTHS.split(), 1) if name != "may"
}
_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_WEEKDAY = {name + ending: n for n, name in enumerate(_DAYS.split(), 1) for ending in ("", "s")}
_NOON = {"noon": 720.0, "midday": 720.0, "midnight": 0.0}
_ISO = re.compile(r"(\d{4})-(\d{1,2})(?:-(\d{1,2}))?$")
_DAY_FIRST = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})$")
_MONTH_YEAR = re.compile(r"(\d{1,2})/(\d{4})$")
_YEAR = re.compile(r"(?:1\d|20)\d\d$")
_DAY = re.compile(r"(\d{1,2})$")
_NTH = re.compile(r"(?:st|nd|rd|th)$")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?$")
_HALVES = re.compile(r"\s*([ap])\.?m\b\.?", re.IGNORECASE)
_BOUNDS = {"from": 1, "since": 1, "after": 1, "until": -1, "till": -1, "before": -1, "by": -1}
_WITHIN_BOUNDS = word_set("the middle beginning start end of early late mid")
_LAST_MONTH, _LAST_DAY, _HALF_DAY = 12, 31, 720.0


@dataclass(frozen=True, slots=True)
class TimeExpression:
    """A date or a time of day: the fields that it states, None for the others.

    `minute` counts from midnight. `start` and `end` are the places of its first and last word.
    """

    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    minute: float | None = None
    bound: int = 0
    """1 for `from` or `after`, -1 for `until` or `before`, 0 without such words."""

    @property
    def fields(self) -> tuple[float | None, ...]:
        """Return the fields, the coarsest first."""
        return self.year, self.month, self.day, self.weekday, self.minute

    @property
    def kinds(self) -> frozenset[int]:
        """Return which fields are stated."""
        return frozenset(at for at, field in enumerate(self.fields) if field is not None)

    def agrees(self, other: TimeExpression) -> bool:
        """Return whether both share a stated field, contradict in none, and bound the same side."""
        shared = self.kinds & other.kinds
        same = all(self.fields[at] == other.fields[at] for at in shared)
        return bool(shared) and same and self.bound * other.bound >= 0


def find_times(text: str, words: Sequence[Word]) -> list[TimeExpression]:
    """Return the dates and times of day of `text`, whose words are `words`."""
    return [_bounded(words, moment) for moment in _moments(text, words)]


def _bounded(words: Sequence[Word], found: TimeExpression) -> TimeExpression:
    """Return a moment with the side that it bounds, as in `until the middle of September`."""
    at = found.start - 1
    while at >= 0 and words[at].folded in _WITHIN_BOUNDS:
        at -= 1
    return dataclasses.replace(found, bound=_BOUNDS.get(words[at].folded, 0)) if at >= 0 else found


def _moments(text: str, words: Sequence[Word]) -> Iterator[TimeExpression]:
    at = 0
    while at < len(words):
        moment = _numeric(words[at], at) or _clock(text, words, at) or _calendar(words, at)
        if moment is None:
            at += 1
            continue
        yield moment
        at = moment.end + 1


def _numeric(word: Word, at: int) -> TimeExpression | None:
    if not word.is_number:
        return None
    if match := _ISO.match(word.folded):
        year, month, day = (int(part) if part else None for part in match.groups())
    elif match := _DAY_FIRST.match(word.folded):
        day, month, year = (int(part) for part in match.groups())
    elif match := _MONTH_YEAR.match(word.folded):
        month, year = (int(part) for part in match.groups())
        day = None
    else:
        return None
    possible = 1 <= (month or 1) <= _LAST_MONTH and 1 <= (day or 1) <= _LAST_DAY
    return TimeExpression(at, at, year, month, day) if possible else None


def _clock(text: str, words: Sequence[Word], at: int) -> TimeExpression | None:
    word = words[at]
    if word.folded in _NOON:
        return TimeExpression(at, at, minute=_NOON[word.folded])
    half = _HALVES.match(text, word.end)
    match = _CLOCK.match(word.folded)
    if match:
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        minute = 60.0 * hours + minutes + seconds / 60
    elif half and _DAY.match(word.folded):
        minute = 60.0 * int(word.folded)
    else:
        return None
    end = at
    if half:
        minute = minute % _HALF_DAY + (_HALF_DAY if half.group(1).casefold() == "p" else 0.0)
        while end + 1 < len(words) and words[end + 1].end <= half.end():
            end += 1
    return TimeExpression(at, end, minute=minute)


def _calendar(words: Sequence[Word], at: int) -> TimeExpression | None:
    """Read `[weekday] [day [of]] month [day] [year]`, or any part that states a date."""
    end, fields = at, dict[str, int]()
    for reader in (_weekday, _day_and_month, _year):
        start = end + (1 if fields else 0)
        reading = reader(words, start) if start < len(words) else None
        if reading is not None:
            end, more = reading
            fields |= more
    return TimeExpression(at, end, **fields) if fields else None


_Read = tuple[int, dict[str, int]] | None


def _weekday(words: Sequence[Word], at: int) -> _Read:
    word = words[at]
    known = _WEEKDAY.get(word.folded) if word.written[0].isupper() else None
    return (at, {"weekday": known}) if known else None


def _day_and_month(words: Sequence[Word], at: int) -> _Read:
    month = _month(words, at)
    if month:
        after = _day(words, at + 1) if at + 1 < len(words) else None
        if after and not _units_follow(words, at + 1):
            return at + (2 if _has_ending(words, at + 1) else 1), {"month": month, "day": after}
        return at, {"month": month}
    day = _day(words, at)
    follows = at + (2 if _has_ending(words, at) else 1)
    if day and follows < len(words) and words[follows].folded == "of":
        follows += 1
    month = _month(words, follows, beside=True) if day and follows < len(words) else None
    return (follows, {"month": month, "day": day}) if day and month else None


def _month(words: Sequence[Word], at: int, *, beside: bool = False) -> int | None:
    word = words[at]
    if not word.written[0].isupper() or word.folded not in _MONTH:
        return None
    if word.folded != "may" or beside or at > 0:
        return _MONTH[word.folded]
    follows = words[at + 1] if at + 1 < len(words) else None
    return _MONTH["may"] if follows is not None and follows.is_number else None


def _day(words: Sequence[Word], at: int) -> int | None:
    folded = words[at].folded
    match = _DAY.match(folded)
    if match is None:
        ordinal = {"first": 1.0, "second": 2.0}.get(folded, ORDINALS.get(folded))
        return int(ordinal) if ordinal and word_value(folded) is None else None
    day = int(match.group())
    return day if 1 <= day <= _LAST_DAY else None


def _has_ending(words: Sequence[Word], at: int) -> bool:
    return (
        words[at].is_number
        and at + 1 < len(words)
        and bool(_NTH.match(words[at + 1].folded))
        and words[at].end == words[at + 1].start
    )


def _units_follow(words: Sequence[Word], at: int) -> bool:
    """Return whether the number at `at` counts a unit, as in `in May 9 euros`."""
    return at + 1 < len(words) and words[at + 1].folded in {"euros", "percent", "per"}


def _year(words: Sequence[Word], at: int) -> _Read:
    word = words[at]
    if not _YEAR.match(word.folded):
        return None
    return at, {"year": int(word.folded)}
