"""The words of a text with their places, as every rule of the check sees them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.retrieval.terms import STOP_WORDS, stem

_WORD = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*|\w+")  # noqa: RUF001


def word_set(words: str) -> frozenset[str]:
    """Return the words of a list in one string."""
    return frozenset(words.split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word: how it is written, its folded form and stem, and where it stands."""

    written: str
    folded: str
    stem: str
    start: int
    end: int

    @property
    def carries_meaning(self) -> bool:
        """Whether it is more than grammar."""
        return self.folded not in STOP_WORDS and self.folded not in _GRAMMAR

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits."""
        return self.folded[0].isdigit()


_GRAMMAR = word_set(
    "also already always any anyone anybody around besides else ever every everyone get"
    " gets got kind like may might must never nobody none nothing one ones per someone somebody"
    " still take takes taken took there thing two used use uses via way went what whatever whole"
    " within without yet"
)
_VERBS = (
    "give gave given|build built|buy bought|sell sold|lend lent|lose lost|win won|beat beaten"
    "|write wrote written|come came|run ran|keep kept|leave left|pay paid|send sent|hold held"
    "|lead led|meet met|find found|bring brought|teach taught|catch caught|draw drew drawn"
    "|drive drove driven|eat ate eaten|fall fell fallen|fly flew flown|grow grew grown"
    "|know knew known|rise rose risen|see saw seen|show shown|speak spoke spoken|spend spent"
    "|stand stood|steal stole stolen|throw threw thrown|tell told|wear wore worn"
    "|choose chose chosen|break broke broken|begin began begun|burn burnt|freeze froze frozen"
    "|hide hid hidden|ride rode ridden|sink sank sunk|sit sat|sleep slept|feed fed"
    "|make made makes|feel felt|bend bent|blow blew blown|deal dealt|dig dug|fight fought"
    "|take took taken|go went gone|get got|do did done|say said|become became|hang hung"
    "|mean meant|seek sought|shake shook shaken|shine shone|strike struck|swear swore sworn"
    "|tear tore torn|withdraw withdrew withdrawn"
)
_STEM_OF = {form: stem(forms.split()[0]) for forms in _VERBS.split("|") for form in forms.split()}
"""The stems of forms that no rule on endings leads to."""
_FOLD = str.maketrans({"’": "'"})  # noqa: RUF001


def words_of(text: str) -> tuple[Word, ...]:
    """Return the words of `text` in order."""
    found = []
    for match in _WORD.finditer(text):
        folded = match.group().translate(_FOLD).casefold().removesuffix("'s")
        root = _STEM_OF.get(folded) or stem(folded)
        found.append(Word(match.group(), folded, root, match.start(), match.end()))
    return tuple(found)


def stems(words: Sequence[Word]) -> frozenset[str]:
    """Return the stems of those of `words` that carry meaning."""
    return frozenset(word.stem for word in words if word.carries_meaning)
