"""Readers of values that are one of few: ticked boxes, yes and no, an enum's values, currencies."""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from chalicelib.extraction.leaf_reader import value_text
from chalicelib.extraction.leaves import Leaf, LeafKind
from chalicelib.extraction.schema_checks import exact
from chalicelib.extraction.values.characters import folded, normal_word, stripped
from chalicelib.extraction.values.locale_table import locale_table
from chalicelib.extraction.values.reading_hints import ReadingHints
from chalicelib.extraction.values.value_match import ScalarValue, ValueMatch

_TICKED = "☑☒✓✔✗✘🗹🗷✅⊠"
_OPEN = "☐□▢◻⬜🞎❏❐"
_BOX = re.compile(
    rf"(?P<ticked>[{_TICKED}]|[\[(][ ]?[xX\u00d7✓✔✗✘][ ]?[\])])|(?P<open>[{_OPEN}]|\[[ _]{{0,3}}\])"
)
_OPTION = re.compile(r"[ \u00a0]{0,2}(?P<word>[^\W\d_]+)")
_CROSS = re.compile(r"(?<!\w)[xX\u00d7][ \u00a0]{1,3}(?P<word>[^\W\d_]{2,20})(?!\w)")
_CROSSED = 0.7
_ANSWER = re.compile(r"(?<!\w)[^\W\d_]{2,20}(?!\w)")
_BESIDE_BOX, _SIMILAR = 0.9, 0.5
_BOUNDS = "\n|:;()[]\t"
_MAX_ENUM_VALUE = 200


@functools.cache
def _answers() -> Mapping[str, bool]:
    """Return the words for yes and no of the languages of the GNU C library's locales."""
    source = json.loads(Path(__file__).with_name("answer_words.json").read_text(encoding="utf-8"))
    return {normal_word(word): name == "yes" for name in ("no", "yes") for word in source[name]}


@dataclass(frozen=True, slots=True)
class _Box:
    """A ticked or open box, and the character after the words that belong to it."""

    start: int
    end: int
    is_ticked: bool
    limit: int


def _boxes(text: str) -> list[_Box]:
    found = list(_BOX.finditer(text))
    limits = [*(each.start() for each in found[1:]), len(text)]
    return [
        _Box(each.start(), each.end(), each["ticked"] is not None, limit)
        for each, limit in zip(found, limits, strict=False)
    ]


class BooleanReader:
    """Finds ticked boxes and words for yes and no.

    Of `☐ yes ☑ no` the ticked box decides; a box without such a word is true if it is ticked.
    """

    kind = LeafKind.BOOLEAN

    def __init__(self, synonyms: Mapping[str, tuple[str, ...]] | None = None) -> None:
        named = (synonyms or {}).items()
        self._own = {normal_word(word): value == "true" for value, words in named for word in words}

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield ticked and open boxes, and answers that stand alone in a line or cell."""
        taken: list[tuple[int, int]] = []
        for match in self._ticks(text) if _BOX.search(text) else self._crosses(text):
            taken.append((match.start, match.end))
            yield match
        covered = iter([*taken, (len(text) + 1, len(text) + 1)])
        start, end = next(covered)
        for found in _ANSWER.finditer(text):
            while end <= found.start():
                start, end = next(covered)
            value = self._word(found.group())
            if value is None or found.end() > start:
                continue
            is_own = normal_word(found.group()) in self._own
            if is_own or _is_alone(text, found.start(), found.end()):
                yield ValueMatch(found.start(), found.end(), value, 1.0 if is_own else 0.8)

    def _ticks(self, text: str) -> Iterator[ValueMatch]:
        for box in _boxes(text):
            option = _OPTION.match(text, box.end, box.limit)
            answer = None if option is None else self._word(option["word"])
            if option is None or answer is None:
                yield ValueMatch(box.start, box.end, box.is_ticked)
            elif box.is_ticked:
                yield ValueMatch(box.start, option.end(), answer)

    def _crosses(self, text: str) -> Iterator[ValueMatch]:
        """Yield words for yes and no that a letter X stands before, as in `yes X no`."""
        for found in _CROSS.finditer(text):
            answer = self._word(found["word"])
            if answer is not None:
                yield ValueMatch(found.start(), found.end(), answer, _CROSSED)

    def _word(self, word: str) -> bool | None:
        plain = normal_word(word)
        return self._own.get(plain, _answers().get(plain))

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return what the whole text answers: a box, a word, or boxes with words."""
        start, end = stripped(text)
        whole = text[start:end]
        if not 0 < len(whole) <= _MAX_ENUM_VALUE:
            return None
        answer = self._word(whole)
        if answer is None and whole in ("x", "X", "\u00d7"):
            answer = True
        if answer is not None:
            return ValueMatch(start, end, answer, _BESIDE_BOX)
        ticks = list(self._ticks(whole)) or list(self._crosses(whole))
        if len(ticks) == 1 and (ticks[0].start, ticks[0].end) == (0, len(whole)):
            return replace(ticks[0], start=start, end=end)
        decided = [tick for tick in ticks if tick.end - tick.start > 1]
        if len(decided) == 1:
            return replace(decided[0], start=start + decided[0].start, end=start + decided[0].end)
        return None


def _is_alone(text: str, start: int, end: int) -> bool:
    """Return whether nothing but marks and space stands around within a line or cell."""
    before, after = start, end
    while before and text[before - 1] in " .\u00a0":
        before -= 1
        if start - before > 4:
            return False
    while after < len(text) and text[after] in " .\u00a0":
        after += 1
        if after - end > 4:
            return False
    is_first = before == 0 or text[before - 1] in _BOUNDS
    return is_first and (after == len(text) or text[after] in _BOUNDS)


class EnumReader:
    """Finds the allowed values and their synonyms as whole words, in any case.

    Where boxes stand before several of them, only a ticked one is a value.
    """

    kind = LeafKind.ENUM

    def __init__(self, leaf: Leaf) -> None:
        self._values: dict[str, ScalarValue] = {}
        for value in leaf.enum:
            scalar = _scalar(value)
            if scalar is None:
                continue
            for word in (value_text(value), *leaf.synonyms.get(value_text(value), ())):
                self._values.setdefault(_plain(word), scalar)
        words = sorted((word for word in self._values if word), key=len, reverse=True)
        joined = "|".join(re.escape(word).replace(r"\ ", r"[\s_-]{1,3}") for word in words)
        self._pattern = re.compile(rf"(?<!\w)(?:{joined})(?!\w)") if words else None

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the values within a text, in its order."""
        if self._pattern is None:
            return
        plain = _lower(text)
        boxes = {box.limit: box for box in _boxes(text)}
        has_boxes, places = bool(boxes), sorted(boxes.values(), key=lambda box: box.start)
        place = 0
        for found in self._pattern.finditer(plain):
            value = self._values.get(_plain(found.group()))
            while place < len(places) and places[place].limit <= found.start():
                place += 1
            box = places[place] if place < len(places) else None
            if value is None:
                continue
            is_behind = has_boxes and box is not None and box.end <= found.start()
            if is_behind and box is not None and "\n" not in text[box.end : found.start()]:
                if not box.is_ticked:
                    continue
                if not text[box.end : found.start()].strip():
                    yield ValueMatch(box.start, found.end(), value)
                    continue
            yield ValueMatch(found.start(), found.end(), value, _BESIDE_BOX)

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the value that the whole text is, or one that it is a misspelling of."""
        import difflib

        start, end = stripped(text)
        whole = text[start:end]
        if not 0 < len(whole) <= _MAX_ENUM_VALUE:
            return None
        value = self._values.get(_plain(whole))
        if value is not None:
            return ValueMatch(start, end, value)
        found = list(self.find(whole, hints))
        if len(found) == 1 and found[0].quality == 1.0:
            return replace(found[0], start=start + found[0].start, end=start + found[0].end)
        near = difflib.get_close_matches(_plain(whole), self._values, 2, 0.85)
        if len({self._values[word] for word in near}) == 1:
            return ValueMatch(start, end, self._values[near[0]], _SIMILAR)
        return None


def _scalar(value: JsonValue) -> ScalarValue | None:
    if isinstance(value, bool | str):
        return value
    number = exact(value)
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else number


def _plain(word: str) -> str:
    return " ".join(re.sub(r"[\s_-]+", " ", _lower(word)).split())


def _lower(text: str) -> str:
    """Return a text in small letters, of the same length."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)


class CurrencyReader:
    """Finds currencies: codes, signs and names; the value is the ISO 4217 code."""

    kind = LeafKind.CURRENCY
    _TOKEN = re.compile(r"[^\W\d_]{0,4}[^\w\s]?\$|[^\W\d_]+\.?|[^\w\s]")

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the currencies of a text, in its order; names only beside numbers."""
        plain, table = folded(text), locale_table()
        for found in self._TOKEN.finditer(text):
            written = unicodedata.normalize("NFKC", found.group())
            for name in dict.fromkeys((written, written.rstrip("."))):
                code, sure = table.currency(name, hints.language, hints.region)
                if not code:
                    continue
                is_plain = name in table.currency_codes or not name.isalpha()
                if is_plain or _has_number(plain, found.start(), found.end()):
                    end = found.start() + len(found.group().rstrip(".") or found.group())
                    quality = 1.0 if sure else _BESIDE_BOX
                    yield ValueMatch(found.start(), end, code, quality, currency=code)
                break

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the currency that the whole text names, or None."""
        start, end = stripped(text)
        name = unicodedata.normalize("NFKC", text[start:end])
        if not 0 < len(name) <= 40:
            return None
        for each in dict.fromkeys(
            (name, name.upper() if len(name) == 3 else name, name.strip("."))
        ):
            code, sure = locale_table().currency(each, hints.language, hints.region)
            if code:
                return ValueMatch(start, end, code, 1.0 if sure else _BESIDE_BOX, currency=code)
        return None


def _has_number(plain: str, start: int, end: int) -> bool:
    around = plain[max(0, start - 2) : start] + plain[end : end + 2]
    return any(letter.isdigit() for letter in around)
