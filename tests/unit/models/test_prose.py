"""Sentences of random designs have values that documents of their kind have."""

from __future__ import annotations

from models.datasets.business_documents.prose import kind_sentences, sentence_values
from models.datasets.business_documents.random_designs import PROSE, random_document
from models.field_ranker.wordings import LANGUAGES


def test_sentences_should_name_what_their_kind_of_document_has() -> None:
    for kind, share in PROSE.items():
        asked = {
            each.concept for at in range(3) for each in random_document(kind, f"prose {at}").truth
        }
        for language in LANGUAGES:
            found = kind_sentences(language, kind)
            assert bool(found) == bool(share)
            values = sentence_values(found)
            assert all(sentence_values((each,)) for each in found)
            assert len(values & asked) >= len(values) / 2
