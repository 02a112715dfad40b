"""Wordings of the training's concepts, and texts of documents that name nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from chalicelib.extraction.leaf_reader import label_names
from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.wordings import goods, phrases, wordings

LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pt")
"""Languages with wordings of training."""
MAX_OTHERS = 400


def known_wordings(*, half: bool = False) -> Mapping[str, Sequence[str]]:
    """Return for each concept the keys and wordings of the training, or about half of them.

    The ranker is learned with a vocabulary of half of the wordings: with all of them it would
    learn to trust a vocabulary more than it may for what documents of others call things.
    """
    known: dict[str, tuple[str, ...]] = {}
    for name, concept in concepts().items():
        keys = [text for key in concept.keys for text in label_names(key, {}, "")]
        labels = [text for each in LANGUAGES for text in wordings(each).get(name, ((), ()))[0]]
        texts = dict.fromkeys([*keys, *labels])
        known[name] = tuple(text for text in texts if not half or _is_kept(name, text))
    return {name: texts for name, texts in known.items() if texts}


def english_names(*, half: bool = False) -> tuple[str, ...]:
    """Return the English wordings and keys of the training, or about half of them."""
    found: list[str] = []
    for name, concept in concepts().items():
        keys = [text for key in concept.keys for text in label_names(key, {}, "")]
        texts = dict.fromkeys([*keys, *wordings("en").get(name, ((), ()))[0]])
        found += [text for text in texts if not half or _is_kept(name, text)]
    return tuple(dict.fromkeys(found))


def other_texts() -> Sequence[str]:
    """Return texts of documents that name nothing: goods, and sentences."""
    texts = [text for each in LANGUAGES for text in goods(each)]
    texts += [one for each in LANGUAGES for part in phrases(each).values() for one in part]
    step = max(1, len(texts) // MAX_OTHERS)
    return tuple(dict.fromkeys(texts[::step]))


def _is_kept(concept: str, text: str) -> bool:
    return hashlib.sha256(f"{concept} {text}".encode()).digest()[0] % 2 == 0
