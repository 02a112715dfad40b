"""Learn which span is a field's value and how sure that is, and write both beside their code.

    python -m models.field_ranker                learn, and write both files
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
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from chalicelib.errors import InvalidInput
from chalicelib.extraction.choice import choose
from chalicelib.extraction.confidence import (
    ABSENT_FEATURES,
    CELL_FEATURES,
    CONFIDENCE,
    VALUE_FEATURES,
    ReadKind,
)
from chalicelib.extraction.extractor import rule_votes
from chalicelib.extraction.feature_names import CANDIDATE_FEATURES, FIELD_FEATURES, Features
from chalicelib.extraction.label_vocabulary import (
    VOCABULARY,
    LabelVocabulary,
    parse_label_vocabulary,
    vocabulary_document,
)
from chalicelib.extraction.ranker import RANKER, FieldRanker, parse_field_ranker
from chalicelib.extraction.rules import evaluate
from chalicelib.extraction.value_tree import value_tree
from chalicelib.inference.embedder import Embedder
from models.datasets.business_documents.designs import Split
from models.datasets.business_documents.documents import documents
from models.evaluation.logistic_regression import learn_odds
from models.field_ranker.examples import (
    CachingEmbedder,
    DocumentExample,
    document_example,
    fields_of,
    lists_of,
    missed,
    same_value,
)
from models.field_ranker.network import (
    FieldLists,
    Scale,
    joined,
    learn,
    loss_and_slopes,
    require_learned,
)
from models.field_ranker.vocabulary import learn_vocabulary
from models.field_ranker.wordings import known_wordings, other_texts
from models.pull.cache import CACHE

SEED = 1
DOCUMENTS = 400
VALIDATION_SHARE = 0.5
"""Documents of the validation, as a share of those of the training."""
FLOORS = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MAX_INVENTED = 0.06
"""Share of absent fields that may be given a value; the floor is the least one that keeps to it."""
RIDGE = 3.0
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
    half = vocabulary_of(known_wordings(half=True), embedder)
    train = examples_of("train", arguments.documents, embedder, half)
    validation = examples_of("validation", held_out, embedder, half)
    ranker, figures = learn_ranker(train, validation[::2])
    floor, floors = choose_floor(ranker, validation[::2])
    confidence, sure = learn_confidence(ranker, floor, validation[1::2])
    figures |= {"floors": floors, "confidence": sure}
    sys.stdout.write(f"{json.dumps(figures, indent=1)}\n")
    if not arguments.check:
        about = {
            "about": "Learned on generated documents by models/field_ranker.",
            "made": datetime.now(UTC).date().isoformat(),
            "documents": len(train),
        }
        whole = vocabulary_document(vocabulary_of(known_wordings(), embedder))
        VOCABULARY.write_text(json.dumps(about | whole, indent=1) + "\n", "utf-8")
        RANKER.write_text(json.dumps(about | ranker_document(ranker), indent=1) + "\n", "utf-8")
        CONFIDENCE.write_text(
            json.dumps(about | {"floor": floor} | confidence, indent=1) + "\n", "utf-8"
        )


def examples_of(
    split: Split, count: int, embedder: CachingEmbedder, vocabulary: LabelVocabulary
) -> list[DocumentExample]:
    """Return the documents of a split; one whose schema is ambiguous by chance is left out."""
    found = []
    rng = random.Random(f"{split} {SEED}")  # noqa: S311 - nothing secret
    for each in documents(split, SEED, count):
        with contextlib.suppress(InvalidInput):
            found.append(document_example(each, embedder, vocabulary, rng))
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


def choose_floor(
    ranker: FieldRanker, validation: Sequence[DocumentExample]
) -> tuple[float, Mapping[str, object]]:
    """Return the least floor that invents as little as allowed, and what each comes to."""
    told = {}
    chosen = FLOORS[-1]
    for floor in reversed(FLOORS):
        invented = absent = right = present = 0
        for document in validation:
            ranked = [each.field.ranked(ranker) for each in document.fields]
            for example, value in zip(document.fields, choose(ranked, floor), strict=True):
                candidate = value.candidate
                if example.truth.value is None:
                    absent += 1
                    invented += candidate is not None
                else:
                    present += 1
                    right += candidate is not None and same_value(
                        candidate.match.value, example.truth.value
                    )
        shares = invented / max(1, absent), right / max(1, present)
        told[str(floor)] = {"invented": round(shares[0], 4), "right": round(shares[1], 4)}
        if shares[0] <= MAX_INVENTED:
            chosen = floor
    return chosen, told | {"chosen": chosen}


def learn_confidence(
    ranker: FieldRanker, floor: float, validation: Sequence[DocumentExample]
) -> tuple[dict[str, object], dict[str, object]]:
    """Return the three regressions in the form that is read, and how many examples each had."""
    rows: dict[ReadKind, list[tuple[Features, bool]]] = {kind: [] for kind in ReadKind}
    for document in validation:
        for kind, features, is_right in read_examples(ranker, floor, document):
            rows[kind].append((features, is_right))
    names = {
        ReadKind.VALUE: VALUE_FEATURES,
        ReadKind.ABSENT: ABSENT_FEATURES,
        ReadKind.CELL: CELL_FEATURES,
    }
    found: dict[str, object] = {}
    told: dict[str, object] = {}
    for kind, known in names.items():
        examples = np.array([each for each, _ in rows[kind]])
        right = np.array([each for _, each in rows[kind]])
        weights, bias = learn_odds(examples, right, RIDGE)
        found[kind] = {
            "weights": dict(zip(known, _rounded(weights), strict=True)),
            "bias": round(bias, DECIMALS),
        }
        told[kind] = {"examples": len(right), "wrong": int((~right).sum())}
    return found, told


def read_examples(
    ranker: FieldRanker, floor: float, document: DocumentExample
) -> Iterator[tuple[ReadKind, Features, bool]]:
    """Yield what was read of a document, as confidences see it, and whether it is right."""
    lists = document.reader.read_lists()
    fields = document.reader.choose(ranker, floor, lists)
    tree = value_tree(fields, lists)
    results = [evaluate(rule, tree) for rule in document.reader.schema.rules]
    truth = {each.pointer: each.value for each in document.generated.truth}
    truth |= {
        cell.pointer: cell.value
        for each in document.generated.lists
        for row in each.rows
        for cell in row
    }
    for field in (*fields, *(cell for each in lists for cell in each.fields)):
        votes = rule_votes(field.pointer, results)
        is_right = same_value(field.value, truth.get(field.pointer))
        yield field.kind, field.features(votes), is_right


def _rounded(values: np.ndarray) -> list[object]:
    rounded: list[object] = np.round(values, DECIMALS).tolist()
    return rounded


if __name__ == "__main__":
    main()
