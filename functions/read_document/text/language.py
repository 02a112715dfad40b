"""Detection of the language of a document, by a sample of its text.

The model is py3langid's, a naive Bayes over byte n-grams: M. Lui and T. Baldwin, "langid.py: An
Off-the-shelf Language Identification Tool" (ACL 2012). Its confidence in a long text is high even
where the text is data, such as names in many languages. So pieces are classified alone as well: in
prose they agree, in data they do not.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

    from chalicelib.contracts.ingest import Page

SAMPLE_CHARACTERS = 4_000
SAMPLES = 8
MIN_CONFIDENCE = 0.5
SURE_CONFIDENCE = 0.7
"""The confidence that a text too short for several pieces needs."""
MIN_AGREEMENT = 0.8
"""The smallest share of the pieces whose language is that of the whole."""
_PIECE_CHARACTERS = 150
MIN_LETTERS = 20
MIN_IDEOGRAPHS = 8
"""The fewest letters of scripts that write a word in a letter or two."""

_IDEOGRAPHS_FROM = "\u2e80"


def language_of(pages: Sequence[Page]) -> str:
    """Return the ISO 639-1 code of the language of most of `pages`, "" if none is clear."""
    text = _sample([page.text for page in pages if page.text])
    letters = [character for character in text if character.isalpha()]
    needed = MIN_IDEOGRAPHS if any(it >= _IDEOGRAPHS_FROM for it in letters) else MIN_LETTERS
    if len(letters) < needed:
        return ""
    code, confidence = load_model().classify(text)
    pieces = _pieces(text)
    is_sure = float(confidence) >= MIN_CONFIDENCE and _agree(pieces, str(code), float(confidence))
    return str(code) if is_sure else ""


def _pieces(text: str) -> list[str]:
    """Return `text` in at most `SAMPLES` pieces of some sentences each."""
    count = max(1, min(SAMPLES, len(text) // _PIECE_CHARACTERS))
    size = -(-len(text) // count)
    return [text[at : at + size] for at in range(0, len(text), size)]


def _agree(pieces: Sequence[str], code: str, confidence: float) -> bool:
    """Return whether most of `pieces` are surely in the language `code`, as the whole is.

    English need not: the names within data are mostly English.
    """
    if code == "en":
        return True
    if len(pieces) == 1:
        return confidence >= SURE_CONFIDENCE
    found = [load_model().classify(piece) for piece in pieces]
    agreeing = [str(each) == code and float(sure) >= MIN_CONFIDENCE for each, sure in found]
    return agreeing.count(True) >= MIN_AGREEMENT * len(pieces)


def _sample(texts: Sequence[str]) -> str:
    """Return pieces from the whole length of `texts`, spaced evenly."""
    total = sum(map(len, texts))
    if total <= SAMPLE_CHARACTERS:
        return "\n".join(texts)
    size, step = SAMPLE_CHARACTERS // SAMPLES, total // SAMPLES
    pieces: list[str] = []
    begins = 0
    for text in texts:
        while len(pieces) < SAMPLES and (at := len(pieces) * step - begins) < len(text):
            pieces.append(text[at : at + size])
        begins += len(text)
    return "\n".join(pieces)


@functools.cache
def load_model() -> LanguageIdentifier:
    """Return the model, loaded once a process; that takes half a second of a core."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages([label for label in model.labels if len(label) == 2])
    return model
