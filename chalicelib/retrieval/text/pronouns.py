"""Pronouns that refer back to the sentence before, in the languages that are distinguished.

Pronouns are a closed class of words, so that a list can be complete; words that are articles or
conjunctions as well are left out.
"""

from __future__ import annotations

import re

from chalicelib.retrieval.text.terms import word_set

_PRONOUNS = word_set(
    "it its he his she her they their theirs this these those such both"
    " er seine sie ihre dieser diese dieses jene jener beide beides"
    " il elle ils elles cela ceci celui celle ceux cette ces"
    " él ella ello ellos ellas esto esta este estas estos eso ese"
    " esso essa essi esse egli lui questo questa questi queste"
    " ele ela eles elas isto isso este esta esses essas"
    " hij zij ze deze dit"
    " han hun hon hen detta disse dessa dette"
    " hän ne nämä tämä"
    " ono oni one jego jej ich tego ten tato tento"
)
_FIRST_WORD = re.compile(r"[^\w\n]*([^\W\d_]+)(?![\w-])")


def opens_with_pronoun(sentence: str) -> bool:
    """Return whether the first word of `sentence` is a pronoun that may refer back."""
    match = _FIRST_WORD.match(sentence)
    return match is not None and match[1].casefold() in _PRONOUNS
