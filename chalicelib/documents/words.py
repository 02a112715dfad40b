"""Words that stand on a page, found in the text of the page, which was put in order since.

The text of a page was cleaned, its tables were written row by row and words at line ends were
joined, so it is not the text of the file character by character. Letters and digits are what both
have in common, and most of them follow each other in the same order.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from chalicelib.contracts.jsonl import whole_lines
from chalicelib.contracts.page_words import PageWords, WordBox

Edges = tuple[float, float, float, float]
"""Left, top, right and bottom."""

CONTEXTS = (48, 16)
"""Letters with which a word is looked for that does not follow the one before it."""
MIN_CONTEXT = 8
"""Letters that are too few to tell one place from another."""
MIN_FOLLOWING = 3
"""Letters behind a word that show that the text goes on with the next word without a space."""
MAX_SEARCHES = 4_000
"""Words of a page that are looked for; further ones are placed only where they follow."""
MAX_TRIES = 8
"""Occurrences of a word that are looked at until one is free."""


@dataclass(frozen=True, slots=True)
class StandingWord:
    """A word as the file or the recogniser has it, with its box on the page."""

    text: str
    box: Edges
    confidence: float | None = None


def placed_words(text: str, words: Sequence[StandingWord]) -> tuple[WordBox, ...]:
    """Return the `words` that are in `text`, in its order, with their characters of it.

    First come words that follow each other in both, then those that are left, such as the cells of
    a table that the file has column by column: each takes the next place of its own that is free.
    """
    place = _Placing(*_letters_of(text))
    letters = ["".join(_plain(word.text)) for word in words]
    only = [
        place.take_only(plain, word.text, text) if plain else -1
        for word, plain in zip(words, letters, strict=True)
    ]
    firsts = _followed(place, letters, only)
    last = 0
    for n, plain in enumerate(letters):
        if firsts[n] < 0 and plain:
            firsts[n] = place.take_alone(plain, last)
        last = firsts[n] + len(plain) if firsts[n] >= 0 else last
    found: list[WordBox] = []
    for word, plain, first in zip(words, letters, firsts, strict=True):
        if first >= 0:
            start, end = place.offsets[first], place.offsets[first + len(plain) - 1] + 1
            found.append(WordBox(*_with_signs(text, start, end, word), *word.box, word.confidence))
    return tuple(sorted(found, key=lambda each: (each.start, each.end)))


def _followed(place: _Placing, letters: Sequence[str], only: Sequence[int]) -> list[int]:
    """Return where each word begins of those in `only` and that follow others, -1 of the rest."""
    following = "".join(letters)
    firsts: list[int] = []
    at = 0
    for plain, placed in zip(letters, only, strict=True):
        if placed >= 0:
            firsts.append(placed)
            if placed == place.next:
                place.next = placed + len(plain)
        else:
            firsts.append(place.take_next(plain, following, at) if plain else -1)
        at += len(plain)
    return firsts


def stored_words(pieces: Iterable[bytes], number: int) -> PageWords | None:
    """Return line `number` of a `words.jsonl` that comes in `pieces`, or None.

    It is read up to there, a piece in memory at a time.
    """
    for line in islice(whole_lines(pieces), number - 1, number):
        return PageWords.model_validate_json(line)
    return None


@dataclass(slots=True)
class _Placing:
    """The letters and digits of a text, and which of them were taken by words already."""

    letters: str
    offsets: list[int]
    begins: bytearray
    """Whether a letter begins a word of the text; behind the last letter, too."""
    words: dict[str, list[int]]
    """The letters at which the words of the text begin that are set apart by spaces."""
    spaces: list[int]
    """The letters behind a space, in ascending order."""
    taken: bytearray = field(init=False)
    next: int = 0
    searches: int = 0

    def __post_init__(self) -> None:
        self.taken = bytearray(len(self.letters))

    def take_next(self, word: str, following: str, at: int) -> int:
        """Return the number of the letter at which `word` begins, -1 if it does not follow.

        `following` has all letters of the page in its own order, with the word's from `at`: where
        these go on elsewhere in the text, so does the word.
        """
        first = self.next
        if not (
            self._is_free(first, word) and self._goes_on(first + len(word), following, at, word)
        ):
            first = self._search(word, following, at)
        elif not self.letters.startswith(following[at : at + MIN_CONTEXT + len(word)], first):
            # The same word stands here, and what follows it does not: it may be another's.
            elsewhere = self._search(word, following, at)
            first = elsewhere if elsewhere >= 0 else first
        if first >= 0:
            self.next = self._take(first, word)
        return first

    def take_only(self, word: str, written: str, text: str) -> int:
        """Return the number of the letter at which a word is that the text has once so written.

        Only of words that it has in another form, too: a title in capitals is told so from the same
        word in a label. -1 of all others.
        """
        if written.casefold() == written or self.letters.count(word) < 2:
            return -1
        at = text.find(written)
        if at < 0 or text.find(written, at + 1) >= 0:
            return -1
        first = bisect_left(self.offsets, at)
        is_whole = self.begins[first] and self.begins[min(first + len(word), len(self.letters))]
        if not is_whole or not self._is_free(first, word):
            return -1
        self._take(first, word)
        return first

    def take_alone(self, word: str, after: int) -> int:
        """Return the number of the letter at which `word` is next a word of the text, or -1."""
        first = self._next_whole(word, after)
        if first >= 0:
            self._take(first, word)
            return first
        if self.searches >= MAX_SEARCHES:
            return -1
        self.searches += 1
        for first in islice(self._occurrences(word, after), MAX_TRIES):
            is_whole = self.begins[first] and self.begins[first + len(word)]
            if is_whole and self._is_free(first, word):
                self._take(first, word)
                return first
        return -1

    def _goes_on(self, end: int, following: str, at: int, word: str) -> bool:
        """Return whether a word ends at letter `end`, or the page goes on there as the text does.

        47 is not the beginning of 475, but the first half of a word may be at the end of a line.
        """
        rest = following[at + len(word) : at + len(word) + MIN_FOLLOWING]
        return bool(self.begins[end]) or (bool(rest) and self.letters.startswith(rest, end))

    def _next_whole(self, word: str, after: int) -> int:
        """Return where a word is next between spaces and free, -1 if nowhere.

        Places that are not free are forgotten, so that each is looked at once.
        """
        places = self.words.get(word, [])
        while places:
            at = bisect_left(places, after)
            at = at if at < len(places) else 0
            if self._is_free(places[at], word):
                return places.pop(at)
            del places[at]
        return -1

    def _take(self, first: int, word: str) -> int:
        end = first + len(word)
        self.taken[first:end] = b"\1" * len(word)
        return end

    def _is_free(self, at: int, word: str) -> bool:
        end = at + len(word)
        if not self.letters.startswith(word, at) or any(self.taken[at:end]):
            return False
        # No word goes on behind a space: 4 and 33 beside each other are not 433.
        return bisect_right(self.spaces, at) == bisect_right(self.spaces, end - 1)

    def _search(self, word: str, following: str, at: int) -> int:
        if self.searches >= MAX_SEARCHES:
            return -1
        self.searches += 1
        for length in CONTEXTS:
            context = following[at : at + length]
            if len(context) > max(len(word), MIN_CONTEXT):
                for first in islice(self._occurrences(context, self.next), MAX_TRIES):
                    if self._is_free(first, word):
                        return first
        return -1

    def _occurrences(self, wanted: str, after: int) -> Iterator[int]:
        """Yield where `wanted` is in the text, from `after` on and then from its beginning."""
        for start, end in ((after, len(self.letters)), (0, after)):
            first = self.letters.find(wanted, start, end)
            while first >= 0:
                yield first
                first = self.letters.find(wanted, first + 1, end)


def _letters_of(text: str) -> tuple[str, list[int], bytearray, dict[str, list[int]], list[int]]:
    """Return the letters of a text, their offsets, which begin a word, and what spaces part."""
    letters: list[str] = []
    offsets: list[int] = []
    begins = bytearray()
    begin = True
    words: dict[str, list[int]] = {}
    spaces: list[int] = []
    first = 0
    for at, character in enumerate(text):
        plain = _plain(character)
        if character.isspace() and len(letters) > first:
            words.setdefault("".join(letters[first:]), []).append(first)
            first = len(letters)
            spaces.append(first)
        for letter in plain:
            letters.append(letter)
            offsets.append(at)
            begins.append(begin)
            begin = False
        begin = begin or not plain
    if len(letters) > first:
        words.setdefault("".join(letters[first:]), []).append(first)
    return "".join(letters), offsets, begins + b"\1", words, spaces


def _plain(text: str) -> list[str]:
    """Return the letters and digits of `text` without case, accents and ligatures."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    return [each for each in text.casefold() if each.isalnum()]


def _with_signs(text: str, start: int, end: int, word: StandingWord) -> tuple[int, int]:
    """Return the range of a word with the signs that it has at its ends, such as a full stop."""
    has = [bool(_plain(each)) for each in word.text]
    before, after = word.text[: has.index(True)], word.text[len(has) - has[::-1].index(True) :]
    if before and text[:start].endswith(before):
        start -= len(before)
    if after and text.startswith(after, end):
        end += len(after)
    return start, end
