"""The tagger of words is learned on wordings of training alone, and finds names it never saw."""

from __future__ import annotations

from models.datasets.business_documents.clauses import _clauses, known_clauses
from models.sentence_spans.__main__ import figures, learned_tagger, tags_of
from models.sentence_spans.sentences import LANGUAGES, TaggedSentence, tagged_sentences


def test_the_last_wording_of_each_clause_should_be_held_out() -> None:
    for language in LANGUAGES:
        held_out = {pool[-1] for pool in _clauses(language).values()}
        assert not held_out & set(known_clauses(language))


def test_the_words_of_a_value_should_begin_it_and_go_on() -> None:
    sentence = TaggedSentence("Of Ann Lee, Bob.", ((3, 10), (12, 15)))
    assert tags_of(sentence) == [0, 1, 2, 1]


def test_a_tagger_should_find_values_of_sentences_that_it_did_not_learn() -> None:
    sentences = list(tagged_sentences("a test", 1_300))
    found = figures(learned_tagger(sentences[:1_000]), sentences[1_000:])
    assert found["found"] > 0.75
    assert found["spans of 100 words"] < 60
