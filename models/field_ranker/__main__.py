"""Learn which span is a field's value and how sure that is; write the weights beside their code.

    python -m models.field_ranker                learn, and write the files
    python -m models.field_ranker --check        only print the figures
    python -m models.field_ranker --documents 60 learn from fewer documents

The ranker is learned on templates of the training. Those of the validation stop it, and tell how
likely a choice is right. The templates and wordings of the test take no part.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from chalicelib.errors import InvalidInput
from chalicelib.extraction.confidence import (
    CONFIDENCE,
)
from chalicelib.extraction.feature_names import CANDIDATE_FEATURES, FIELD_FEATURES
from chalicelib.extraction.label_subwords import SUBWORDS, SubwordVectors, subwords_document
from chalicelib.extraction.label_vocabulary import (
    VOCABULARY,
    LabelVocabulary,
    parse_label_vocabulary,
    vocabulary_document,
)
from chalicelib.extraction.ranker import RANKER, FieldRanker, parse_field_ranker
from chalicelib.inference.embedder import Embedder
from models.field_ranker.calibration import confidence_document, learn_confidence
from models.field_ranker.decoys import with_decoys
from models.field_ranker.examples import (
    CachingEmbedder,
    DocumentExample,
    document_example,
    fields_of,
    lists_of,
    missed,
)
from models.field_ranker.network import (
    FieldLists,
    Scale,
    joined,
    learn,
    loss_and_slopes,
    require_learned,
)
from models.field_ranker.splits import LearningSplit, split_documents
from models.field_ranker.subwords import learn_subwords
from models.field_ranker.translations import translations
from models.field_ranker.vocabulary import learn_vocabulary
from models.field_ranker.wordings import english_names, known_wordings, other_texts
from models.pull.cache import CACHE

SEED = 1
DOCUMENTS = 360
VALIDATION_SHARE = 0.5
"""Documents of the validation, as a share of those of the training."""
DECIMALS = 4
MEMBERS = 4
"""Networks of which the mean is taken."""


def main() -> None:
    """Learn the ranker and the confidences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="of the training")
    arguments = parser.parse_args()
    embedder = CachingEmbedder(Embedder.open(CACHE))
    held_out = round(VALIDATION_SHARE * arguments.documents)
    subwords = learn_subwords(translations(), SEED)
    half = vocabulary_of(known_wordings(half=True), embedder)
    known = replace(subwords, names=english_names(half=True))
    train = examples_of("train", arguments.documents, embedder, half, known)
    validation = examples_of("validation", held_out, embedder, half, known)
    ranker, figures = learn_ranker(train, validation[::2])
    confidence, sure = learn_confidence(ranker, validation[1::2], validation[::2])
    figures |= {"confidence": sure}
    sys.stdout.write(f"{json.dumps(figures, indent=1)}\n")
    if not arguments.check:
        about = {
            "about": "Learned on generated documents by models/field_ranker.",
            "made": datetime.now(UTC).date().isoformat(),
            "documents": len(train),
        }
        whole = vocabulary_document(vocabulary_of(known_wordings(), embedder))
        VOCABULARY.write_text(json.dumps(about | whole, indent=1) + "\n", "utf-8")
        subwords = replace(subwords, names=english_names())
        SUBWORDS.write_text(
            json.dumps(about | subwords_document(subwords), indent=1) + "\n", "utf-8"
        )
        RANKER.write_text(json.dumps(about | ranker_document(ranker), indent=1) + "\n", "utf-8")
        written = about | confidence_document(confidence)
        CONFIDENCE.write_text(json.dumps(written, indent=1) + "\n", "utf-8")


def examples_of(
    split: LearningSplit,
    count: int,
    embedder: CachingEmbedder,
    vocabulary: LabelVocabulary,
    subwords: SubwordVectors,
) -> list[DocumentExample]:
    """Return the documents of a split; one whose schema is ambiguous by chance is left out."""
    found = []
    rng = random.Random(f"{split} {SEED}")  # noqa: S311 - nothing secret
    for each in split_documents(split, SEED, count):
        with contextlib.suppress(InvalidInput):
            asked = with_decoys(each, rng)
            found.append(document_example(asked, embedder, vocabulary, subwords, rng))
    return found


def vocabulary_of(known: Mapping[str, Sequence[str]], embedder: CachingEmbedder) -> LabelVocabulary:
    """Return the vocabulary of these wordings, as it is written."""
    others = other_texts()
    embedder.embed([*(text for texts in known.values() for text in texts), *others])
    learned = learn_vocabulary(embedder.vectors, known, others)
    return parse_label_vocabulary(json.dumps(vocabulary_document(learned)))


def learn_ranker(
    train: Sequence[DocumentExample], validation: Sequence[DocumentExample]
) -> tuple[FieldRanker, dict[str, object]]:
    """Return the ranker of the epoch with the least loss on the validation, and its figures."""
    lists, judged = lists_of(list(fields_of(train))), lists_of(list(fields_of(validation)))
    scale, none_scale = Scale.of(lists.features), Scale.of(lists.none)

    def scaled(each: FieldLists) -> FieldLists:
        return FieldLists(
            scale.apply(each.features), each.field, each.right, none_scale.apply(each.none)
        )

    judged = scaled(judged)
    known = scaled(lists)
    members = [
        learn(known, seed, lambda found: loss_and_slopes(found, judged)[0])[0]
        for seed in range(SEED, SEED + MEMBERS)
    ]
    weights = joined(members)
    loss, _ = loss_and_slopes(weights, judged)
    require_learned(loss, judged)
    ranker = FieldRanker(
        scale.mean,
        scale.spread,
        weights.hidden,
        weights.hidden_bias,
        weights.out,
        none_scale.mean,
        none_scale.spread,
        weights.none_hidden,
        weights.none_hidden_bias,
        weights.none_out,
        float(weights.none_bias[0]),
    )
    return parse_field_ranker(json.dumps(ranker_document(ranker))), {
        "fields": lists.count,
        "validation fields": judged.count,
        "validation loss, nats": round(loss, 4),
        "among no candidate": {kind: round(share, 3) for kind, share in missed(train).items()},
    }


def ranker_document(ranker: FieldRanker) -> dict[str, object]:
    """Return the ranker in the form that `parse_field_ranker` reads."""
    return {
        "features": CANDIDATE_FEATURES,
        "field_features": FIELD_FEATURES,
        "mean": _rounded(ranker.mean),
        "spread": _rounded(ranker.spread),
        "hidden": _rounded(ranker.hidden),
        "hidden_bias": _rounded(ranker.hidden_bias),
        "out": _rounded(ranker.out),
        "none_mean": _rounded(ranker.none_mean),
        "none_spread": _rounded(ranker.none_spread),
        "none_hidden": _rounded(ranker.none_hidden),
        "none_hidden_bias": _rounded(ranker.none_hidden_bias),
        "none_out": _rounded(ranker.none_out),
        "none_bias": round(ranker.none_bias, DECIMALS),
    }


def _rounded(values: np.ndarray) -> list[object]:
    rounded: list[object] = np.round(values, DECIMALS).tolist()
    return rounded


if __name__ == "__main__":
    main()
