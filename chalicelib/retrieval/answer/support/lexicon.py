"""English words that negate, limit or generalise a sentence, and pairs of opposites.

Written by hand: a dictionary has many antonyms, mostly of words on which no claim depends.
"""

from __future__ import annotations

from chalicelib.retrieval.text.terms import stem, word_set

NEGATIONS = word_set(
    "not no never none nobody nothing neither nor without cannot non hardly except excluding apart"
)
IDIOMS = (
    "with or without",
    "not only",
    "no less than",
    "no later than",
    "no more than",
    "for nothing",
)
"""Phrases with a negation that denies nothing."""

UNIVERSALS = word_set(
    "all every always any anyone anybody anywhere anytime everyone everybody everything"
    " everywhere whole entire whatever whenever never"
)
DISTRIBUTIVES = word_set("each per whoever whatever no nobody none full fully completely entirely")
"""Words of a source that support a universal statement of a claim."""
UNIVERSAL_PHRASES = ("around the clock", "at any", "in every case", "without exception")
NECESSITY = word_set(
    "must has have required require requires obliged obligatory mandatory compulsory need needs"
    " shall forced"
)
_HAVE = frozenset({"has", "have"})
POSSIBILITY = word_set("may can could might optional optionally choose allowed permitted possible")
LIMITS = ("only if", "only with", "only when", "only after", "only to", "only for", "only in")
CONDITIONS = word_set("only unless except if provided when after with until within")

_AXES = (
    (
        "more most greater higher above over exceed exceeds rise rises rose risen increase "
        "increased raise raised | less fewer lower below under fall falls fell "
        "fallen drop dropped decrease decreased decline declined shrink down reduce reduced"
    ),
    "longer long | shorter short",
    "faster fast quickly quicker | slower slow slowly",
    "stronger strong | weaker weak",
    "larger bigger large big | smaller small",
    "older old | younger young newer",
    "harder hard | softer soft",
    "warmer warm hot hotter | colder cold cooler",
    "better best | worse worst",
    "earlier early sooner | later late",
    "before | after once afterwards",
    "ahead | behind",
    "climb climbs rises ascend ascends | descend descends",
    "pupil pupils student students | teacher teachers",
    "first | last",
    "most maximum | least minimum",
    "win won wins winner beat | lose lost loses loser",
    "open opened opens | close closed closes shut",
    "start started begin began begun | stop stopped end ended finish finished",
    "allow allowed permit permitted | forbid forbidden prohibit prohibited ban banned",
    (
        "accept accepted approve approved grant granted uphold upheld award awarded | reject "
        "rejected refuse refused dismiss dismissed deny denied overturn overturned"
    ),
    "include included cover covered | exclude excluded",
    "buy bought | sell sold",
    "lend lent | borrow borrowed",
    "landlord | tenant",
    "employer | employee",
    "sender | recipient",
    "buyer | seller",
    "wet wetter wettest | dry drier driest",
    "north northern | south southern",
    "east eastern | west western",
    "left | right",
    "inside indoor within indoors | outside outdoors outdoor",
    "full | empty",
    "heavy heavier | light lighter",
    "pass passed | fail failed",
    "major | minor",
    "import imported | export exported",
    "add added adds | remove removed removes drop dropped drops",
    "alive survive survives | dead die died",
    "present | absent",
    "cheap cheaper | expensive dearer",
    "voluntary | mandatory compulsory",
    "same | different",
    "true correct | false wrong incorrect",
    "public | private",
    "internal | external",
    "succeed succeeded success | failure",
    "arrive arrived arrives | leave left depart departed",
    "enable enabled | disable disabled",
    "complete | incomplete",
    "visible | invisible hidden",
    "fixed | variable",
    "birth born | death died",
    "profit | loss losses",
    "lender creditor | borrower debtor",
    "plaintiff | defendant",
    "husband | wife",
    "mother | father",
    "son | daughter",
    "brother | sister",
    "man men | woman women",
    "doctor doctors | patient patients",
    "host | guest guests",
    "upper | lower",
    "front | back rear",
    "day | night",
    "summer | winter",
    "hired appointed | dismissed fired",
    "keep kept keeps | delete deleted deletes discard discarded",
    "manual manually | automatic automatically",
    "horizontal horizontally | vertical vertically",
    "domestic | foreign",
    "save saved | spend spent",
    "temporary temporarily | permanent permanently",
)
"""Words of opposite sense: one side against the other."""


def _sides() -> dict[str, dict[int, bool]]:
    sides: dict[str, dict[int, bool]] = {}
    for axis, words in enumerate(_AXES):
        left, right = words.split("|")
        for side, members in ((True, left), (False, right)):
            for word in members.split():
                sides.setdefault(word, {})[axis] = side
    return sides


_SIDES = _sides()
COMPARING = frozenset(word for word, axes in _SIDES.items() if 0 in axes) | {"than"}
"""Words that compare, whatever is compared."""
_PREFIXES = ("un", "in", "im", "dis", "non", "non-")
_SHORTEST = 4


def axes_of(word: str) -> frozenset[int]:
    """Return the axes of opposites that have a folded word on one side."""
    return frozenset(_SIDES.get(word, {}))


def opposed(one: str, other: str) -> int | None:
    """Return the axis on which two folded words are opposites, or None.

    Words that differ by a prefix such as `un` have an axis of their own, -1.
    """
    mine, theirs = _SIDES.get(one, {}), _SIDES.get(other, {})
    for axis in mine.keys() & theirs.keys():
        if mine[axis] is not theirs[axis]:
            return axis
    for pair in ((one, other), (stem(one), stem(other))):
        shorter, longer = sorted(pair, key=len)
        if len(shorter) >= _SHORTEST and any(longer == prefix + shorter for prefix in _PREFIXES):
            return -1
    return None
