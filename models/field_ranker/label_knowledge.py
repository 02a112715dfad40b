"""The embedder, vocabulary and vectors that labels are compared by while others are learned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from chalicelib.extraction.label_similarity import LabelEmbedder
from chalicelib.extraction.label_vocabulary import (
    LabelVocabulary,
    parse_label_vocabulary,
    vocabulary_document,
)
from chalicelib.inference.embedder import Embedder
from models.field_ranker.examples import CachingEmbedder, LabelKnowledge
from models.field_ranker.subwords import learn_subwords
from models.field_ranker.text_kinds import kind_texts, learn_text_kinds
from models.field_ranker.translations import translations
from models.field_ranker.vocabulary import learn_vocabulary
from models.field_ranker.wordings import english_names, known_wordings, other_texts
from models.pull.cache import CACHE

SEED = 1


def label_embedder() -> LabelEmbedder:
    """Return the model that labels are compared by, as production opens it."""
    return Embedder.open(CACHE)


def label_knowledge(embedder: CachingEmbedder) -> tuple[LabelKnowledge, LabelKnowledge]:
    """Return what labels are compared by, with all wordings known, and with half of them.

    The ranker is learned with half of the wordings: with all of them it would learn to trust them
    more than it may for what documents of others call things.
    """
    pairs = translations()
    subwords = learn_subwords(pairs, SEED)
    texts = kind_texts(SEED, [text for pair in pairs for text in pair])
    whole, half = (
        LabelKnowledge(
            embedder,
            vocabulary_of(known, embedder),
            replace(subwords, names=english_names(half=is_half)),
            learn_text_kinds(texts, known, subwords, SEED),
        )
        for is_half in (False, True)
        for known in (known_wordings(half=is_half),)
    )
    return whole, half


def vocabulary_of(known: Mapping[str, Sequence[str]], embedder: CachingEmbedder) -> LabelVocabulary:
    """Return the vocabulary of these wordings, as it is written."""
    others = other_texts()
    embedder.embed([*(text for texts in known.values() for text in texts), *others])
    learned = learn_vocabulary(embedder.vectors, known, others)
    return parse_label_vocabulary(json.dumps(vocabulary_document(learned)))
