"""The embedder, vocabulary and vectors that labels are compared by while others are learned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.extraction.label_similarity import LabelEmbedder
from chalicelib.extraction.label_subwords import SubwordVectors
from chalicelib.extraction.label_vocabulary import (
    LabelVocabulary,
    parse_label_vocabulary,
    vocabulary_document,
)
from chalicelib.extraction.text_kinds import TextKinds
from chalicelib.inference.embedder import Embedder
from models.field_ranker.examples import CachingEmbedder, LabelKnowledge
from models.field_ranker.subwords import learn_subwords
from models.field_ranker.text_kinds import kind_texts, learn_text_kinds, with_names
from models.field_ranker.translations import translations
from models.field_ranker.vocabulary import learn_vocabulary
from models.field_ranker.wordings import (
    LANGUAGES,
    StrangeLanguage,
    WordingFilter,
    concept_names,
    every_wording,
    half_of_wordings,
    known_wordings,
    other_texts,
)
from models.pull.cache import CACHE

SEED = 1


def label_embedder() -> LabelEmbedder:
    """Return the model that labels are compared by, as production opens it."""
    return Embedder.open(CACHE)


@dataclass(frozen=True, slots=True)
class KnowledgeMaker:
    """Learns what labels are compared by, from some of the wordings of the training.

    Attributes:
        embedder: Of the wordings.
        subwords: Vectors of groups of letters, which learn no wording of the training.
        kinds: The classifier of texts; what names ask for is learned of the wordings that are kept.
    """

    embedder: CachingEmbedder
    subwords: SubwordVectors
    kinds: TextKinds

    @classmethod
    def learned(cls, embedder: CachingEmbedder) -> KnowledgeMaker:
        """Return one that has learned what does not depend on the wordings."""
        pairs = translations()
        subwords = learn_subwords(pairs, SEED)
        texts = kind_texts(SEED, [text for pair in pairs for text in pair])
        return cls(embedder, subwords, learn_text_kinds(texts, known_wordings(), subwords, SEED))

    def knowing(self, kept: WordingFilter) -> LabelKnowledge:
        """Return what labels are compared by if these wordings alone are known."""
        known = known_wordings(kept)
        return LabelKnowledge(
            self.embedder,
            vocabulary_of(known, self.embedder),
            replace(self.subwords, concepts=concept_names(kept)),
            with_names(self.kinds, known, self.subwords),
        )

    def strange(self) -> dict[str, LabelKnowledge]:
        """Return by language what labels are compared by if nothing is known of it."""
        return {each: self.knowing(StrangeLanguage(each)) for each in LANGUAGES}


@dataclass(frozen=True, slots=True)
class Knowledges:
    """Vocabularies to compare labels by: all wordings, half of them, and those of strangers.

    The ranker is learned with half of the wordings: with all of them it would learn to trust them
    more than it may for what documents of others call things.

    Attributes:
        whole: With all wordings.
        half: With half of them.
        strange: By language, with nothing known of it.
    """

    whole: LabelKnowledge
    half: LabelKnowledge
    strange: Mapping[str, LabelKnowledge]

    @classmethod
    def learned(cls) -> Knowledges:
        """Return what is learned of the wordings of the training, without an embedder."""
        maker = KnowledgeMaker.learned(CachingEmbedder(label_embedder()))
        whole, half = maker.knowing(every_wording), maker.knowing(half_of_wordings)
        return cls(whole, half, maker.strange()).with_embedder(None)

    def with_embedder(self, embedder: LabelEmbedder | None) -> Knowledges:
        """Return it with another embedder, or without: one cannot be handed to a process."""
        return Knowledges(
            replace(self.whole, embedder=embedder),
            replace(self.half, embedder=embedder),
            {name: replace(each, embedder=embedder) for name, each in self.strange.items()},
        )


def vocabulary_of(known: Mapping[str, Sequence[str]], embedder: CachingEmbedder) -> LabelVocabulary:
    """Return the vocabulary of these wordings, as it is written."""
    others = other_texts()
    embedder.embed([*(text for texts in known.values() for text in texts), *others])
    learned = learn_vocabulary(embedder.vectors, known, others)
    return parse_label_vocabulary(json.dumps(vocabulary_document(learned)))
