"""Words, stems and terms of a text, as lexical comparison uses them.

English first: a stop list and a light suffix stripper. Both do no harm in other languages, because
the same rules are applied to a question and to the text that it is compared with.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w+(?:[.,]\d+)*(?:'\w+)?", re.UNICODE)
_PROPER = re.compile(r"\b[A-Z][\w-]*\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_FAMILY = 5
"""The fewest letters that words of one family share."""

_STOP = """
a about above after again all also am an and any are as at be because been before being below
between both but by can could did do does doing down during each few for from further give had
has have having he her here hers him his how i if in into is it its itself just let many may me
might more most much must my no nor not now of off on once only or other our out over own please
said same say says shall she should show so some such tell than that the their them then there
these they this those through to too under until up upon us very was we were what when where
whether which while who whom whose why will with would you your
"""
STOP_WORDS = frozenset(_STOP.split())


def words(text: str) -> list[str]:
    """Return the words of `text`, case folded, in order."""
    folded = (
        unicodedata.normalize("NFKC", text)
        .casefold()
        .replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )
    return _WORD.findall(folded)


def stem(word: str) -> str:
    """Return `word` without a plural, past or continuous ending."""
    word = word.removesuffix("'s")
    if len(word) <= 3 or not word.isalpha():
        return word
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", "")):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3:
            return _undouble(base + instead) if not instead else base + instead
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 4 else word


def _undouble(base: str) -> str:
    if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz":
        return base[:-1]
    return base.removesuffix("e") if len(base) > 4 else base


def terms(text: str) -> list[str]:
    """Return the stems of the words of `text` that carry meaning, in order, with repeats."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


def are_related(one: str, other: str) -> bool:
    """Return whether two stems are of one family, as `requir` and `requirement` are.

    The shorter one, of at least five letters, must begin the longer.
    """
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= _FAMILY and longer.isalpha() and longer.startswith(shorter)


def numbers_in(text: str) -> set[str]:
    """Return the numbers written in `text`, without thousands separators."""
    return {number.replace(",", "") for number in _NUMBER.findall(text)}


def names_in(text: str) -> set[str]:
    """Return the capitalised words of `text`, folded, except those that only open a sentence."""
    names = set()
    for match in _PROPER.finditer(text):
        word = match.group()
        opens = not text[: match.start()].rstrip() or text[: match.start()].rstrip()[-1] in ".!?:"
        if not opens or (len(word) > 1 and word.isupper()):
            names.add(word.casefold())
    return names - STOP_WORDS


_PLACED_WORD = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*|\w+")  # noqa: RUF001


def word_set(words: str) -> frozenset[str]:
    """Return the words of a list in one string."""
    return frozenset(words.split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word: as written, its folded form, its stem, and its position."""

    written: str
    folded: str
    stem: str
    start: int
    end: int

    @property
    def carries_meaning(self) -> bool:
        """Return whether the word is more than grammar."""
        return self.folded not in STOP_WORDS and self.folded not in _GRAMMAR

    @property
    def is_number(self) -> bool:
        """Return whether the word is written in digits."""
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
"""The stems of irregular forms, which no rule on endings covers."""


_FOLD = str.maketrans({"’": "'"})  # noqa: RUF001


def tokenize(text: str) -> tuple[Word, ...]:
    """Return the words of `text` in order."""
    tokens = []
    for match in _PLACED_WORD.finditer(text):
        folded = match.group().translate(_FOLD).casefold().removesuffix("'s")
        root = _STEM_OF.get(folded) or stem(folded)
        tokens.append(Word(match.group(), folded, root, match.start(), match.end()))
    return tuple(tokens)


def stems(words: Sequence[Word]) -> frozenset[str]:
    """Return the stems of those of `words` that carry meaning."""
    return frozenset(word.stem for word in words if word.carries_meaning)
