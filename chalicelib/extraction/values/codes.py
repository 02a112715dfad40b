"""Readers of codes with a checksum or a pattern: IBAN, VAT numbers, identifiers."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.values.characters import folded, stripped
from chalicelib.extraction.values.reading_hints import ReadingHints
from chalicelib.extraction.values.value_match import ValueMatch

_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}[ ]?[0-9OIlSB]{2}"
    r"(?:(?:[ .-]|[ ]?\n)?[A-Za-z0-9]{1,5}){3,9}(?![A-Za-z0-9])"
)
_VAT = re.compile(
    r"(?<![A-Za-z0-9])(?=((?:CHE|[A-Z]{2}|[A-Z][a-z])[ .-]{0,3}[A-Za-z]?[ .-]?[\d(]"
    r"(?:[A-Za-z0-9()][ .\-/]{0,2}){5,14}(?<![ .\-/])(?![A-Za-z0-9])))"
)
"""Looks ahead, since two numbers may follow each other so closely that one would take the other."""
_NATIONAL = re.compile(r"(?<![\w.,-])[A-Z]?\d(?:[ .\-/]?[A-Z0-9]){6,13}(?![\w-]|[.,]\d)")
_WORD = re.compile(r"\S+")
_LETTERS = r"0-9A-Za-z\u00c0-\u024f\u0370-\u052f"
"""Digits and the letters that have cases: other scripts write no space before a code."""
_CODE = re.compile(rf"[{_LETTERS}_./#-]++")
_AROUND = ".,;:!?()[]{}<>\"'«»“”|_/#-"
_SLIPS = str.maketrans("OoQIlSB", "0001158")
_REPAIRED = 0.5
_FEWEST_DIGITS = 7
_UNCHECKED = 0.4
"""The quality of what looks like a code of the kind, and whose checksum does not hold."""
_FOREIGN = 0.9
"""The part of the quality that is left where a country's own rule does not hold or is assumed."""
_LONGEST = 200
_WORDS = 3
"""The most words of one identifier."""
_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI"
_COUNTRY = 2
_EUROPE = frozenset(_MEMBERS.split())


class IbanReader:
    """Finds account numbers; `valid` says whether the checksum and the country's form hold."""

    kind = LeafKind.IBAN

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the account numbers of a text, in its order; checksums that fail included."""
        plain = folded(text)
        found = _IBAN.search(plain)
        while found is not None:
            match = _iban(found.group(), found.start())
            if match is not None:
                yield match
            # Another may follow so closely that the expression took it for a part of this one, and
            # two letters before one, such as those of a word, look like a country.
            end = found.start() + _COUNTRY if match is None else match.end
            found = _IBAN.search(plain, end)

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the account number that the whole text is, or None."""
        start, end = stripped(text)
        found = _IBAN.fullmatch(folded(text[start:end])) if end - start <= _LONGEST else None
        match = None if found is None else _iban(found.group(), start)
        return match if match is not None and match.end == end else None


def _iban(written: str, start: int) -> ValueMatch | None:
    """Return the longest valid number at the beginning of what looks like one."""
    from stdnum import iban as standard

    # The checksum decides; that of the country's own account number only adds to it.
    iban = _total(lambda number: standard.validate(number, check_country=False))
    national = _total(standard.validate)
    ends = [place for place in range(len(written), 14, -1) if _is_cut(written, place)]
    for quality, table in ((1.0, None), (_REPAIRED, _SLIPS)):
        for end in ends:
            compact = re.sub(r"[\s.-]", "", written[:end])
            if table is not None:
                compact = compact[:2] + compact[2:].translate(table)
            compact = compact.upper()
            if iban(compact):
                own = quality if national(compact) else quality * _FOREIGN
                return ValueMatch(start, start + end, compact, own, valid=True)
    written = written.partition("\n")[0].rstrip()
    compact = re.sub(r"[ .-]", "", written).upper()
    if not compact[2:4].isdigit():
        return None
    if not 15 <= len(compact) <= 34 or sum(letter.isdigit() for letter in compact) < 10:
        return None
    return ValueMatch(start, start + len(written), compact, _UNCHECKED, valid=False)


def _is_cut(written: str, place: int) -> bool:
    return place == len(written) or (
        written[place] in " .-\n" and written[place - 1] not in " .-\n"
    )


def _total(check: Callable[[str], object]) -> Callable[[str], bool]:
    """Return a check that is false where another raises an error."""

    def is_valid(number: str) -> bool:
        try:
            return bool(check(number))
        except Exception:  # noqa: BLE001 - some of its modules raise other errors than its own
            return False

    return is_valid


class VatReader:
    """Finds tax numbers of companies; `valid` says whether the country's checksum holds."""

    kind = LeafKind.VAT

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the numbers with a country's prefix, then those of the hints' region."""
        plain, end = folded(text), 0
        for start, written, is_prefixed in _vat_candidates(plain):
            if start < end:
                continue
            country = written[:2].upper() if is_prefixed else hints.region
            match = _vat(written, start, country, is_prefixed)
            if match is not None:
                end = match.end
                yield match

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the tax number that the whole text is, or None."""
        start, end = stripped(text)
        if end - start > _LONGEST:
            return None
        for match in self.find(text[start:end], hints):
            if (match.start, match.end) == (0, end - start):
                return replace(match, start=start, end=end)
            break
        return None


def _vat_candidates(plain: str) -> Iterator[tuple[int, str, bool]]:
    """Yield what looks like a tax number by its place: where it begins, and if it has a prefix."""
    found = [(each.start(), each.group(), False) for each in _NATIONAL.finditer(plain)]
    found += [
        (each.start(), plain[each.start() : each.end(1)], True) for each in _VAT.finditer(plain)
    ]
    yield from sorted(found, key=lambda span: (span[0], not span[2]))


def _vat(written: str, start: int, country: str, is_prefixed: bool) -> ValueMatch | None:
    if not country:
        return None
    check = _vat_check(country)
    ends = [
        place
        for place in range(len(written), 7, -1)
        if place == len(written) or (written[place] in " .-/" and written[place - 1].isalnum())
    ]
    for quality, table in ((1.0, None), (_REPAIRED, _SLIPS)):
        for end in ends:
            compact = re.sub(r"[ .\-/()]", "", written[:end]).upper()
            if table is not None:
                compact = compact[:2] + compact[2:].translate(table)
            if check(compact) and (table is None or is_prefixed):
                prefix = "" if is_prefixed else country
                own = quality if is_prefixed else quality * _FOREIGN
                return ValueMatch(start, start + end, prefix + compact, own, valid=True)
    compact = re.sub(r"[ .\-/()]", "", written)
    digits = sum(letter.isdigit() for letter in compact)
    if not is_prefixed or not _is_country(written[:2]) or digits < _FEWEST_DIGITS:
        return None
    return ValueMatch(start, start + len(written), compact, _UNCHECKED, valid=False)


@functools.lru_cache(maxsize=256)
def _vat_check(country: str) -> Callable[[str], bool]:
    """Return whether a tax number of a country is valid, with or without its prefix."""
    if country in _EUROPE or country == "EL":
        from stdnum.eu import vat

        europe = _total(vat.is_valid)
        prefix = "EL" if country == "GR" else country
        return lambda number: europe(number if number[:2] == country else prefix + number)
    from stdnum import get_cc_module

    try:
        module = get_cc_module(country.lower(), "vat")
    except Exception:  # noqa: BLE001 - it imports a module by the name
        module = None
    if module is None:
        return lambda _: False
    national = _total(module.is_valid)
    return lambda number: national(number) or national(number.removeprefix(country))


def _is_country(country: str) -> bool:
    return country in _EUROPE or country in ("EL", "GB", "CH", "NO")


class IdentifierReader:
    """Finds codes that keep to a pattern, or, without one, words with digits in them."""

    kind = LeafKind.IDENTIFIER

    def __init__(self, pattern: str = "") -> None:
        self._pattern = pattern

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the codes of a text, in its order."""
        if not self._pattern:
            for found in _CODE.finditer(text):
                start, end = _bare_word(found)
                code = text[start:end]
                if 1 < len(code) <= _LONGEST and any(letter.isdigit() for letter in code):
                    yield ValueMatch(start, end, code, 0.8)
            return
        words = [_bare_word(found) for found in _WORD.finditer(text)]
        place = 0
        while place < len(words):
            match, place = self._at(text, words, place)
            if match is not None:
                yield match

    def _at(
        self, text: str, words: list[tuple[int, int]], place: int
    ) -> tuple[ValueMatch | None, int]:
        """Return the code that begins at a word and takes up to three, and the word after it."""
        start = words[place][0]
        for last in range(min(place + _WORDS, len(words)) - 1, place - 1, -1):
            end = words[last][1]
            written = text[start:end]
            if start < end <= start + _LONGEST and self._fits(written):
                return ValueMatch(start, end, " ".join(written.split()), 1.0), last + 1
        return None, place + 1

    def _fits(self, written: str) -> bool:
        from chalicelib.generation.patterns import compile_pattern

        return compile_pattern(self._pattern).search(" ".join(written.split()))

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the whole text as a code; letters are read as digits if the pattern then holds."""
        start, end = stripped(text)
        whole = " ".join(text[start:end].split())
        if not 0 < len(whole) <= _LONGEST or "\n" in text[start:end]:
            return None
        if not self._pattern:
            is_code = any(letter.isdigit() for letter in whole) and whole.count(" ") < _WORDS
            return ValueMatch(start, end, whole, 0.8) if is_code else None
        if self._fits(whole):
            return ValueMatch(start, end, whole, 1.0)
        plain = folded(whole)
        first = next((at for at, letter in enumerate(plain) if letter.isdigit()), 0)
        fixed = plain[:first] + plain[first:].translate(_SLIPS)
        for candidate in (whole.replace(" ", ""), fixed, fixed.replace(" ", "")):
            if candidate != whole and self._fits(candidate):
                return ValueMatch(start, end, candidate, _REPAIRED)
        return None


def _bare_word(found: re.Match[str]) -> tuple[int, int]:
    """Return a word without the marks around it."""
    word = found.group()
    start = found.start() + len(word) - len(word.lstrip(_AROUND))
    return start, max(start, found.start() + len(word.rstrip(_AROUND)))
