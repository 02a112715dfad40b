"""The parts of a date: numbers and names of months with the words that may join them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from chalicelib.extraction.values.date_tokens import ERAS, DateToken
from chalicelib.extraction.values.locale_table import locale_table
from chalicelib.extraction.values.reading_hints import ReadingHints

_ORDINALS = frozenset(("st", "nd", "rd", "th", "er", "re", "e", "º", "ª", "o", "a", "ième", "."))
DATE_MARKS = frozenset("/.-,'_")
DATE_UNITS = {
    "年": "y", "月": "m", "日": "d", "號": "d", "号": "d",
    "년": "y", "월": "m", "일": "d",
    "năm": "y", "tháng": "m", "ngày": "",
}  # fmt: skip
"""Words that say of the number before them what it is; in Vietnamese, of the number after them."""
_LONGEST_SUFFIX = 4
_LONGEST_SPACE = 2
_MAX_GAP = 4
"""The most tokens between two parts of a date."""


@dataclass(frozen=True, slots=True)
class DatePart:
    """A number or a month's name.

    Attributes:
        token: Its characters.
        gap: What stands between the part before and it.
        month: The month that a name means, 0 for a number.
        differs: Whether languages differ on that month.
        unit: "y", "m" or "d" if a word after it says so.
    """

    token: DateToken
    gap: str
    month: int = 0
    differs: bool = False
    unit: str = ""

    @property
    def number(self) -> int:
        """Return the value of the digits."""
        return int(self.token.word)

    @property
    def digits(self) -> int:
        """Return how many digits it has."""
        return len(self.token.word)


def date_parts(
    tokens: list[DateToken], place: int, hints: ReadingHints
) -> tuple[list[DatePart], int, int]:
    """Return up to three parts from a token on, the token after them, and an era's base year."""
    era, walk = 0, _PartWalk(tokens, hints, after=place)
    if tokens[place].word in ERAS:
        era, place = ERAS[tokens[place].word], place + 1
        if place < len(tokens) and tokens[place].word == "元":
            first = DateToken(tokens[place].start, tokens[place].end, "0", "1")
            walk.parts.append(DatePart(first, "", unit="y"))
            place += 1
    number = place
    while number < min(len(tokens), place + 4 * _MAX_GAP) and len(walk.parts) < 3:
        length = walk.take(number, is_first=number == place and not era)
        if not length:
            break
        number += length
    return walk.parts, walk.after, era


@dataclass(slots=True)
class _PartWalk:
    """Collects the parts of a date, and what stands between them."""

    tokens: list[DateToken]
    hints: ReadingHints
    after: int
    parts: list[DatePart] = field(default_factory=list)
    gap: str = ""
    steps: int = 0

    def take(self, number: int, is_first: bool) -> int:
        """Take the token and return how many it is with those that belong to it; 0 at the end."""
        token = self.tokens[number]
        part, length = _part(token, self.gap, self.hints), 1
        if part is None and self.parts and token.shape == "a":
            part, length = _of_words(self.tokens, number, self.gap, self.hints)
        if part is not None:
            self.parts.append(part)
            self.gap, self.steps, self.after = "", 0, number + length
            return length
        self.steps += token.shape not in " \n"
        may_join = _may_join(token) or _is_suffix(self.tokens, number)
        if is_first or self.steps > _MAX_GAP or not may_join:
            return 0
        if token.word in DATE_UNITS and self.parts and not self.gap.strip():
            last = self.parts[-1]
            self.parts[-1] = replace(last, unit=last.unit or DATE_UNITS[token.word])
        self.gap += token.word
        return 1


def _part(token: DateToken, gap: str, hints: ReadingHints) -> DatePart | None:
    if token.is_number:
        return DatePart(token, gap) if token.end - token.start in (1, 2, 4) else None
    if token.shape == "a" and len(token.word) > 1 and token.word not in locale_table().fillers:
        month, differs = locale_table().month(token.word, hints.language)
        if not month and gap:
            month, differs = locale_table().month(_bare(token.word), hints.language)
        return DatePart(token, gap, month, differs) if month else None
    return None


def _of_words(
    tokens: list[DateToken], number: int, gap: str, hints: ReadingHints
) -> tuple[DatePart | None, int]:
    """Return a month whose name has two words, and how many tokens it takes."""
    if number + 2 >= len(tokens) or tokens[number + 1].word != " ":
        return None, 1
    first, second = tokens[number], tokens[number + 2]
    month, differs = locale_table().month(f"{first.word} {second.word}", hints.language)
    if second.shape != "a" or not month:
        return None, 1
    whole = DateToken(first.start, second.end, "a", f"{first.word} {second.word}")
    return DatePart(whole, gap, month, differs), 3


def _is_suffix(tokens: list[DateToken], number: int) -> bool:
    """Return whether a short word is the ending of the day before it: `21-ші`, `4a`."""
    token, before = tokens[number], tokens[number - 1] if number else tokens[number]
    if token.shape != "a" or token.end - token.start > _LONGEST_SUFFIX:
        return False
    if before.word == "-" and number > 1:
        before = tokens[number - 2]
    return before.is_number and before.end - before.start <= 2


def _bare(word: str) -> str:
    """Return a word without what a language writes onto it within a date: `במרץ`, `martxoaren`."""
    fillers = locale_table().fillers
    if not word[0].isascii() and word[0] in fillers:
        return word[1:]
    ending = next((word[-length:] for length in (3, 2) if word[-length:] in fillers), "")
    return word.removesuffix(ending)


def _may_join(token: DateToken) -> bool:
    """Return whether a token may stand between the parts of a date."""
    if token.shape in " \n":
        # A date with a month's name may go on in the next line of a paragraph.
        return token.end - token.start <= _LONGEST_SPACE and token.word.count("\n") <= 1
    if token.shape == "a":
        word = token.word
        return word in DATE_UNITS or word in _ORDINALS or word in locale_table().fillers
    return token.word in DATE_MARKS or token.word in "ºª()"
