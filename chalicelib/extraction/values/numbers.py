"""Numbers as documents write them: signs, groups of digits, decimal marks of any language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from chalicelib.extraction.values.characters import folded, joins_word, stripped
from chalicelib.extraction.values.locale_table import by_locale, locale_table
from chalicelib.extraction.values.reading_hints import ReadingHints

MAX_DIGITS = 30
"""The most digits of a number; what has more is an identifier."""
_GUESSED = 0.6
"""The quality of a number whose only mark may be of decimals or of thousands."""
_REPAIRED = 0.5
_NUMBER = re.compile(
    r"""(?<!\d)(?<!\d[.,'\u066b\u066c])(?:
      (?P<grouped>\d{1,3}(?P<mark>[ .,'\u066c])\d{3}(?:(?P=mark)\d{3})*+(?!\d)
        (?:(?!(?P=mark))[.,\u066b](?P<decimals>\d++|--?(?!\d)))?)
     |(?P<indian>\d{1,2}(?:,\d{2}(?=,))++,\d{3}(?!\d)(?:\.(?P<rest>\d++))?)
     |(?P<plain>(?P<whole>\d++)(?:(?P<point>[.,\u066b])(?P<part>\d++|--?(?!\d)))?)
     |(?P<bare>(?<![\w.,])[.,\u066b]\d++)
    )(?![.,'\u066b\u066c]\d)""",
    re.VERBOSE,
)
_LETTERS = re.compile(r"[^\W\d_]+\Z")
_SLIPS = str.maketrans("OoQlI|SBZ", "000111582")
"""Letters that recognition reads for a digit."""


@dataclass(frozen=True, slots=True)
class NumberSpan:
    """A number in text.

    Attributes:
        start: The first character, a sign or bracket included.
        end: The character after the last one.
        value: The number, with the digits of the text: 1.10 keeps its zero.
        quality: How plainly the characters say it, from 0 to 1.
        ambiguous: Whether its mark may be of decimals or of thousands.
        is_formatted: Whether it has decimals or groups, and so is no mere count or year.
    """

    start: int
    end: int
    value: Decimal
    quality: float
    ambiguous: bool
    is_formatted: bool


def decimal_mark(hints: ReadingHints) -> str:
    """Return the mark before decimals, from the document or its language, "" if unknown."""
    if hints.decimal_mark or not hints.language:
        return hints.decimal_mark
    return by_locale(locale_table().decimal_marks, hints.language, hints.region)


def find_unsigned(text: str, hints: ReadingHints) -> Iterator[NumberSpan]:
    """Yield the numbers of a text without signs, in its order. Linear in the text."""
    plain, mark = folded(text), decimal_mark(hints)
    for found in _NUMBER.finditer(plain):
        if found.end() - found.start() <= 2 * MAX_DIGITS:
            span = _read(found, mark, text)
            if span is not None:
                yield span


def find_numbers(text: str, hints: ReadingHints) -> Iterator[NumberSpan]:
    """Yield the numbers of a text with their signs; none that a word but a currency joins."""
    plain, end = folded(text), 0
    for span in find_unsigned(text, hints):
        if span.start and _is_joined(text, plain, span.start):
            continue
        signed = with_sign(plain, span, end)
        if signed.end < len(plain) and plain[signed.end].isalpha():
            signed = replace(signed, quality=signed.quality * 0.7)
        end = signed.end
        yield signed


def _is_joined(text: str, plain: str, place: int) -> bool:
    """Return whether letters that are no currency stand directly before a number."""
    if not joins_word(plain[place - 1]):
        return False
    word = _LETTERS.search(text[max(0, place - 5) : place])
    table = locale_table()
    name = word.group() if word is not None else ""
    return name not in table.currency_codes and name not in table.currency_signs


def read_number(text: str, hints: ReadingHints) -> NumberSpan | None:
    """Return the number that the whole text is, apart from space around it.

    Letters that recognition reads for digits are repaired if decimals or groups then hold.
    """
    start, end = stripped(text)
    if not 0 < end - start <= 3 * MAX_DIGITS:
        return None
    whole = text[start:end]
    found = _whole(whole, hints)
    if found is None:
        repaired = _repaired(whole)
        found = _whole(repaired, hints) if repaired else None
        if found is None or not found.is_formatted:
            return None
        found = replace(found, quality=found.quality * _REPAIRED)
    return replace(found, start=start, end=end)


def _repaired(text: str) -> str:
    """Return a text with letters read as digits, "" if they are too many or none."""
    fixed = folded(text).translate(_SLIPS)
    changed = sum(one != other for one, other in zip(folded(text), fixed, strict=True))
    digits = sum(letter.isdigit() for letter in text)
    return fixed if 0 < changed <= digits / 2 else ""


def _whole(text: str, hints: ReadingHints) -> NumberSpan | None:
    plain = folded(text)
    for span in find_unsigned(text, hints):
        before, after = plain[: span.start].strip(), plain[span.end :].strip()
        if (before, after) in (("", ""), ("+", "")):
            return replace(span, start=0, end=len(text))
        if (before, after) in (("-", ""), ("(", ")"), ("", "-"), ("(-", ")")):
            return replace(span, start=0, end=len(text), value=-span.value)
        return None
    return None


def with_sign(plain: str, span: NumberSpan, earliest: int) -> NumberSpan:
    """Return a number with the sign or brackets around it, if they are no dash of a range.

    Args:
        plain: The folded text.
        span: A number in it.
        earliest: Where the characters begin that belong to no number before it.
    """
    before = plain[span.start - 1] if span.start > earliest else ""
    after = plain[span.end] if span.end < len(plain) else ""
    if before == "(" and after == ")" and span.is_formatted:
        return replace(span, start=span.start - 1, end=span.end + 1, value=-span.value)
    if before and before in "+-" and _stands_alone(plain, span.start - 1, earliest):
        value = -span.value if before == "-" else span.value
        return replace(span, start=span.start - 1, value=value)
    if after == "-" and span.is_formatted and _ends(plain, span.end + 1):
        return replace(span, end=span.end + 1, value=-span.value)
    return span


def _stands_alone(plain: str, sign: int, earliest: int) -> bool:
    return sign == 0 or (
        sign >= earliest and not (plain[sign - 1].isalnum() or plain[sign - 1] in ".,-")
    )


def _ends(plain: str, place: int) -> bool:
    return place >= len(plain) or plain[place].isspace() or plain[place] in "|;)"


def _read(found: re.Match[str], mark: str, text: str) -> NumberSpan | None:
    if found["grouped"]:
        return _grouped(found, mark, text)
    written = found["bare"] or found["indian"] or found["whole"]
    if found["bare"]:
        return _span(found, "0." + written[1:])
    if found["indian"]:
        decimals = f".{found['rest']}" if found["rest"] else ""
        return _span(found, found["indian"].partition(".")[0].replace(",", "") + decimals)
    part = (found["part"] or "").strip("-")
    return _span(found, f"{written}.{part}" if part else written, formatted=bool(found["point"]))


def _grouped(found: re.Match[str], mark: str, text: str) -> NumberSpan | None:
    """Read a number with groups of three digits, one of which may be decimals."""
    written, by = found["grouped"], found["mark"]
    decimals = found["decimals"] or ""
    whole = written[: -len(decimals) - 1] if found["decimals"] else written
    digits = whole.replace(by, "")
    if decimals:
        mark = found.group()[len(whole)]
        part = decimals.strip("-")
        span = _span(found, f"{digits}.{part}" if part else digits)
    elif by in ".," and whole.count(by) == 1:
        return _single_mark(found, whole, by, mark)
    else:
        span = _span(found, digits)
    place = found.start() + whole.index(by)
    if span is not None and by == " " and text[place] == " " and mark != ",":
        # A plain space may as well stand between two columns.
        return replace(span, ambiguous=True, quality=_GUESSED)
    return span


def _single_mark(found: re.Match[str], whole: str, by: str, mark: str) -> NumberSpan | None:
    if whole.startswith("0"):
        return _span(found, whole.replace(by, "."))
    span = _span(found, whole.replace(by, "." if mark == by else ""))
    if span is None or mark:
        return span and replace(span, quality=0.9)
    return replace(span, ambiguous=True, quality=_GUESSED)


def _span(found: re.Match[str], written: str, formatted: bool = True) -> NumberSpan | None:
    if sum(letter.isdigit() for letter in written) > MAX_DIGITS:
        return None
    return NumberSpan(found.start(), found.end(), Decimal(written), 1.0, False, formatted)
