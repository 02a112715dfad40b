"""Stemmed terms for the index's text search: of a passage when it is put, of a question when asked.

S3 Vectors does not publish the rules of its analysers. So passages carry their terms under a key of
their own, and the index only counts them: a term is lower-case letters, digits and underscores,
which an analyser that splits at word boundaries and folds case leaves as it is. Ranking by BM25 is
then the same wherever the index is.

Stems are those of Snowball, https://snowballstem.org/algorithms/
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import Stemmer

from chalicelib.retrieval.text.language import detect_language
from chalicelib.retrieval.text.terms import STOP_WORDS

MAX_TERM = 64
"""Characters of a term that count: longer ones are hashes and encoded data."""
MAX_TERMS_BYTES = 8 * 1024
"""Of the 40 KB of metadata that a vector may have. A passage of 256 tokens has some 1 KB."""

MIN_ELIDED = 3
"""Letters after an apostrophe that are a word, and not the rest of one as in `don't`."""

_SNOWBALL: Mapping[str, str] = MappingProxyType(
    {
        "cs": "czech",
        "da": "danish",
        "de": "german",
        "en": "english",
        "es": "spanish",
        "fi": "finnish",
        "fr": "french",
        "it": "italian",
        "nl": "dutch",
        "no": "norwegian",
        "pl": "polish",
        "pt": "portuguese",
        "sv": "swedish",
    }
)
"""Snowball's name of each language that `detect_language` tells, by ISO 639-1 code."""
_DEFAULT = "english"
_WORD = re.compile(r"\w+(?:(?:['\u2019](?=[^\W\d])|(?<=\d)[.,](?=\d))\w+)*")
_POSSESSIVE = re.compile(r"'s?$")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def passage_terms(text: str, heading: str, path: str, language: str) -> str:
    """Return the terms of a passage, of its heading and of its file's name, joined by spaces.

    Args:
        text: The passage.
        heading: The heading that it is under, "" if there is none.
        path: The path of its document; only the file's name counts.
        language: The ISO 639-1 code of the document's language; English if it is unknown or has no
            stemmer. A word of another language has its English stem as well, so that a question
            which is too short to tell its language finds the same word.

    Returns:
        Terms in their order, with repeats, cut to `MAX_TERMS_BYTES`.
    """
    name = path.rpartition("/")[2]
    joined = " ".join(_terms(f"{name}\n{heading}\n{text}", language))
    if len(joined.encode()) <= MAX_TERMS_BYTES:
        return joined
    return joined.encode()[: MAX_TERMS_BYTES + 1].decode(errors="ignore").rpartition(" ")[0]


def question_terms(question: str) -> list[str]:
    """Return the distinct terms of a question, in order.

    Its words are stemmed as English and, if it is told to be of another language, as that one too:
    passages have the stems of their documents' languages.
    """
    return list(dict.fromkeys(_terms(question, detect_language(question))))


def _terms(text: str, language: str) -> Iterator[str]:
    """Yield the terms of `text`: the stems of each word in `language`, and in English.

    Stemmers are cheap to make, and one must not be shared between threads.
    """
    names = dict.fromkeys((_SNOWBALL.get(language, _DEFAULT), _DEFAULT))
    stemmers = [Stemmer.Stemmer(name) for name in names]
    for word in _words(text):
        yield from dict.fromkeys(stem for stemmer in stemmers for stem in _stems(word, stemmer))


def _words(text: str) -> Iterator[str]:
    """Yield the words of `text`, folded, without those that are only grammar.

    Of two words that are joined by an apostrophe, as in `l'eau`, the second is yielded as well.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    for match in _WORD.finditer(folded):
        word = _POSSESSIVE.sub("", match.group())
        first, _, second = word.rpartition("'")
        if word and word not in STOP_WORDS:
            yield word.replace("'", "")
        if first and len(second) >= MIN_ELIDED and second not in STOP_WORDS:
            yield second


def _stems(word: str, stemmer: Stemmer.Stemmer) -> Iterable[str]:
    """Return the stem of a word; of an identifier with underscores also those of its parts."""
    if word[0].isdigit():
        return (_THOUSANDS.sub("", word).replace(",", "_").replace(".", "_")[:MAX_TERM],)
    parts = [part for part in word.split("_") if part]
    if len(parts) < 2:
        return (stemmer.stemWord(word.replace(",", "_").replace(".", "_"))[:MAX_TERM],)
    return (word[:MAX_TERM], *(stemmer.stemWord(part)[:MAX_TERM] for part in parts))
