"""Wordings of the training's concepts, and texts of documents that name nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.extraction.label_subwords import ConceptNames
from chalicelib.extraction.leaf_reader import label_names
from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.extra_facts import extra_labels
from models.datasets.business_documents.wordings import goods, phrases, wordings

LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pt")
"""Languages with wordings of training."""
KEYS = "keys"
"""Language of the keys of schemas."""
THIRDS = 3
MAX_OTHERS = 400
NONE: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

WordingFilter = Callable[[str, str, str], bool]
"""Tells of a concept, a language and a wording whether a vocabulary learns it."""


def every_wording(concept: str, language: str, text: str) -> bool:
    """Keep each wording."""
    return True


def half_of_wordings(concept: str, language: str, text: str) -> bool:
    """Keep about half of the wordings, by a hash of each."""
    return hashlib.sha256(f"{concept} {text}".encode()).digest()[0] % 2 == 0


@dataclass(frozen=True, slots=True)
class StrangeLanguage:
    """Keeps half of the wordings, none of a language, and none of every third concept.

    Which concepts these are depends on the language, so that each is left out for some documents.
    """

    language: str

    def __call__(self, concept: str, language: str, text: str) -> bool:
        """Tell whether a wording is kept."""
        third = hashlib.sha256(concept.encode()).digest()[0] % THIRDS
        left_out = LANGUAGES.index(self.language) % THIRDS
        return (
            language != self.language
            and third != left_out
            and half_of_wordings(concept, language, text)
        )


def known_wordings(kept: WordingFilter = every_wording) -> Mapping[str, Sequence[str]]:
    """Return for each concept the keys and wordings of the training that are kept.

    Keys are of the language `KEYS`, so that they stay where a language of documents is left out.
    """
    known: dict[str, tuple[str, ...]] = {}
    for name, concept in concepts().items():
        keys = [(KEYS, text) for key in concept.keys for text in label_names(key, {}, "")]
        labels = [(each, text) for each in LANGUAGES for text in wordings(each).get(name, NONE)[0]]
        texts = dict.fromkeys(
            text for language, text in [*keys, *labels] if kept(name, language, text)
        )
        known[name] = tuple(texts)
    return {name: texts for name, texts in known.items() if texts}


def concept_names(kept: WordingFilter = every_wording) -> tuple[ConceptNames, ...]:
    """Return the names that are kept of each thing that documents have, asked for or never."""
    asked = known_wordings(kept)
    found = [ConceptNames(concepts()[name].kind, tuple(texts)) for name, texts in asked.items()]
    return (*found, *_never_asked(kept))


def _never_asked(kept: WordingFilter) -> Iterator[ConceptNames]:
    """Yield the names of things that documents have and no schema asks for."""
    by_language = {each: extra_labels(each) for each in LANGUAGES}
    for kind, texts in by_language["en"].items():
        for at, name in enumerate(texts):
            named = [(each, by_language[each][kind][at]) for each in LANGUAGES]
            known = tuple(text for language, text in named if kept(name, language, text))
            if known:
                yield ConceptNames(kind, tuple(dict.fromkeys(known)))


def other_texts() -> Sequence[str]:
    """Return texts of documents that name nothing: goods, and sentences."""
    texts = [text for each in LANGUAGES for text in goods(each)]
    texts += [one for each in LANGUAGES for part in phrases(each).values() for one in part]
    step = max(1, len(texts) // MAX_OTHERS)
    return tuple(dict.fromkeys(texts[::step]))
