"""Readers of phone numbers, e-mail addresses and addresses of the web."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.values.characters import folded, stripped
from chalicelib.extraction.values.locale_table import locale_table
from chalicelib.extraction.values.reading_hints import ReadingHints
from chalicelib.extraction.values.value_match import ValueMatch

if TYPE_CHECKING:
    from linkify_it import LinkifyIt

_WITHOUT_SCHEME = 0.9
_GUESSED = 0.7
"""The quality of a phone number whose country is guessed by the language."""
_MOST_PLANS = 4
_FEWEST_DIGITS = 5
_POSSIBLE = 0.5
"""The quality of a phone number whose length is right and whose range is not in use."""
_LONGEST = 2_000
_CHUNK = 2_000
"""The characters within which phone numbers are searched, so that the search stays linear."""
_OVERLAP = 64
_Find = Callable[[str, ReadingHints], Iterator[ValueMatch]]


class PhoneReader:
    """Finds phone numbers; the value is as E.164 writes it.

    Numbers without a country code are read by the number plan of the hints' region, or, with less
    quality, by those of the countries where the hints' language is spoken.
    """

    kind = LeafKind.PHONE

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the phone numbers of a text, in its order."""
        plain, end = folded(text), 0
        for line in _lines(plain):
            for match in _phones(plain, line, hints):
                if match.start >= end:
                    end = match.end
                    yield match

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the phone number that the whole text is, or None."""
        import phonenumbers

        start, end = stripped(text)
        if not 0 < end - start <= _OVERLAP or _other_letters(text[start:end]):
            return None
        possible = None
        for number, region in enumerate(_regions(hints)):
            try:
                parsed = phonenumbers.parse(folded(text[start:end]), region)
            except phonenumbers.NumberParseException:
                continue
            value = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
            if phonenumbers.is_valid_number(parsed):
                is_sure = bool(hints.region) or "+" in folded(text[start:end])
                quality = 1.0 if is_sure else _GUESSED
                return ValueMatch(
                    start, end, value, quality, valid=True, ambiguous=not is_sure and number > 0
                )
            if possible is None and phonenumbers.is_possible_number(parsed):
                possible = ValueMatch(start, end, value, _POSSIBLE, valid=False)
        return possible


@functools.lru_cache(maxsize=256)
def _language_regions(language: str) -> tuple[str, ...]:
    """Return one country of each number plan under which a language is spoken, at most four."""
    import phonenumbers

    plans: dict[int, str] = {}
    for region in locale_table().territories.get(language, ()):
        plan = phonenumbers.country_code_for_region(region)
        if plan:
            plans.setdefault(plan, phonenumbers.region_code_for_country_code(plan))
    first, *others = plans or {0: ""}
    # Large countries have short codes.
    ordered = [first, *sorted(others, key=lambda plan: (len(str(plan)), plan))]
    return tuple(plans.get(plan, "") for plan in ordered[:_MOST_PLANS])


def _regions(hints: ReadingHints) -> tuple[str | None, ...]:
    if hints.region:
        return (hints.region,)
    return tuple(region for region in _language_regions(hints.language) if region) or (None,)


def _other_letters(text: str) -> bool:
    """Return whether there are letters that no extension has: a vanity number is no evidence."""
    letters = "".join(letter for letter in text.lower() if letter.isalpha())
    return letters not in ("", "x", "ext", "extn")


def _lines(plain: str) -> Iterator[tuple[int, int]]:
    """Yield the lines of a text, and of long ones pieces that overlap."""
    start = 0
    for line in plain.split("\n"):
        for first in range(0, max(1, len(line)), _CHUNK - _OVERLAP):
            yield start + first, start + min(len(line), first + _CHUNK)
        start += len(line) + 1


def _phones(plain: str, line: tuple[int, int], hints: ReadingHints) -> Iterator[ValueMatch]:
    import phonenumbers

    start, end = line
    if sum(letter.isdigit() for letter in plain[start:end]) < _FEWEST_DIGITS:
        return
    found: dict[tuple[int, int], ValueMatch] = {}
    for region in _regions(hints):
        matcher = phonenumbers.PhoneNumberMatcher(
            plain[start:end], region, leniency=phonenumbers.Leniency.VALID, max_tries=200
        )
        for each in matcher:
            place = (start + each.start, start + each.end)
            if any(place[0] < last and first < place[1] for first, last in found):
                continue
            value = phonenumbers.format_number(each.number, phonenumbers.PhoneNumberFormat.E164)
            is_sure = bool(hints.region) or "+" in each.raw_string
            quality = 1.0 if is_sure else _GUESSED
            found[place] = ValueMatch(*place, value, quality, valid=True)
    for place in sorted(found):
        yield found[place]


_DIRECTIONS = "\u200e\u200f"
_DIRECTED = re.compile(f"[{_DIRECTIONS}]")


@functools.cache
def _linkify() -> LinkifyIt:
    from linkify_it import LinkifyIt

    return LinkifyIt()


class EmailReader:
    """Finds e-mail addresses; the domain is in small letters."""

    kind = LeafKind.EMAIL

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the e-mail addresses of a text, in its order."""
        for start, end, url in _links(text, "mailto:"):
            address = url.removeprefix("mailto:").partition("?")[0]
            name, _, domain = address.rpartition("@")
            yield ValueMatch(start, end, f"{name}@{domain.lower()}")

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the e-mail address that the whole text is, or None."""
        return _only(text, self.find)


class UrlReader:
    """Finds addresses of the web; one without a scheme gets `https:`."""

    kind = LeafKind.URL

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the addresses of a text, in its order."""
        for start, end, url in _links(text, "http"):
            if text[start:end].lower().startswith(("http", "ftp", "//")):
                yield ValueMatch(start, end, url)
            else:
                address = url.replace("http://", "https://", 1)
                yield ValueMatch(start, end, address, _WITHOUT_SCHEME)

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the address that the whole text is, or None."""
        return _only(text, self.find)


def _only(text: str, find: _Find) -> ValueMatch | None:
    start, end = stripped(text)
    if not 0 < end - start <= _LONGEST:
        return None
    for match in find(text[start:end], ReadingHints()):
        if (match.start, match.end) == (0, end - start):
            return ValueMatch(start, end, match.value, match.quality)
        break
    return None


def _links(text: str, scheme: str) -> Iterator[tuple[int, int, str]]:
    """Yield the links of a text whose scheme begins so: first, last and address."""
    if "." not in text and "@" not in text and ":" not in text:
        return
    for link in _linkify().match(text) or []:
        if link.url.startswith(scheme) or (scheme == "http" and link.url.startswith("ftp")):
            # Marks of the direction of writing are no part of an address.
            shown = text[link.index : link.last_index]
            start = link.index + len(shown) - len(shown.lstrip(_DIRECTIONS))
            end = start + len(shown.strip(_DIRECTIONS))
            if start < end:
                yield start, end, _DIRECTED.sub("", link.url)
