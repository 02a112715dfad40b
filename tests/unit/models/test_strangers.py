"""Documents of strangers: labels, names and wordings that nothing has learned."""

from __future__ import annotations

import random

from chalicelib.extraction.leaves import Leaf, LeafKind
from models.datasets.business_documents import KINDS
from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.invented_labels import invented_label
from models.datasets.business_documents.wordings import wordings
from models.field_ranker.calibration import MAX_INVENTED, least_threshold
from models.field_ranker.splits import KNOWN, is_strange, split_documents
from models.field_ranker.strange_names import with_strange_names
from models.field_ranker.wordings import (
    LANGUAGES,
    StrangeLanguage,
    half_of_wordings,
    known_wordings,
)


def test_nothing_of_a_strangers_language_and_of_a_third_of_the_things_should_be_known() -> None:
    half = known_wordings(half_of_wordings)
    left_out: set[str] = set()
    for language in LANGUAGES:
        known = known_wordings(StrangeLanguage(language))
        assert {text for texts in known.values() for text in texts} < {
            text for texts in half.values() for text in texts
        }
        own = {text for name in known for text in wordings(language).get(name, ((), ()))[0]}
        others = [
            text
            for name in known
            for each in LANGUAGES
            if each != language
            for text in wordings(each).get(name, ((), ()))[0]
        ]
        keys = {text for texts in known.values() for text in texts} & own
        assert keys <= {*others, *(key.replace("_", " ") for key in _keys())}
        missing = half.keys() - known.keys()
        assert len(half) / 6 < len(missing) < len(half) / 2
        left_out |= missing
    assert left_out >= half.keys() - {"yes", "no"}


def _keys() -> set[str]:
    return {key for each in concepts().values() for key in each.keys}


def test_a_strange_name_should_be_the_least_like_the_label() -> None:
    leaf = Leaf(("cashier",), "/cashier", LeafKind.TEXT, "string", names=("cashier",))
    renamed = {
        with_strange_names(
            [leaf], {"/cashier": "cashier"}, {"cashier": "Cashier"}, "en", random.Random(seed)
        )[0].names
        for seed in range(8)
    }
    assert renamed == {("cashier",), ("served by",)}


def test_an_invented_label_should_be_no_word_that_is_known() -> None:
    rng = random.Random(4)
    for language in LANGUAGES:
        known = {
            word
            for texts, _ in wordings(language).values()
            for text in texts
            for word in text.lower().split()
        }
        drawn = {invented_label(language, rng) for _ in range(20)}
        assert len(drawn) > 15
        assert not known & {word for text in drawn for word in text.lower().split()}


def test_two_of_three_documents_that_calibrate_should_be_strangers() -> None:
    numbers = range(KNOWN * len(KINDS))
    assert sum(is_strange("calibration", at) for at in numbers) == (KNOWN - 1) * len(KINDS)
    assert not any(is_strange("train", at) for at in numbers)


def test_a_stranger_should_have_labels_that_nobody_knows_and_others_none() -> None:
    invented = []
    for document in split_documents("calibration", 1, (0, len(KINDS))):
        known = wordings(document.language.partition("_")[0])
        unknown = [name for name, label in document.labels.items() if label not in known[name][0]]
        invented.append(len(unknown) / len(document.labels))
    assert invented[0] == 0.0
    assert 0.1 < invented[1] < 0.6


def test_the_threshold_should_keep_to_its_limit_from_there_on() -> None:
    low, high = MAX_INVENTED / 2, 2 * MAX_INVENTED
    assert least_threshold({0.5: high, 0.7: low, 0.8: low}) == 0.7
    assert least_threshold({0.5: low, 0.7: high, 0.8: low}) == 0.8
    assert least_threshold({0.5: high, 0.8: high}) == 0.8
