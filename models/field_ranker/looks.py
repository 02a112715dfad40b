"""Learning of both looks of the ranker: each field alone, then all fields of a document together.

The second look is learned from what a first one says of documents that it did not learn from, as it
will be asked of documents of others.
D. Wolpert, Stacked generalization, Neural Networks 5 (1992), https://doi.org/10.1016/S0893-6080(05)80023-1
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.feature_names import CANDIDATE_FEATURES, FIELD_FEATURES
from chalicelib.extraction.label_agreement import agreement
from chalicelib.extraction.ranker import (
    SECOND_FEATURES,
    SECOND_FIELD_FEATURES,
    FieldRanker,
    RankingNetwork,
    parse_field_ranker,
)
from models.field_ranker.network import (
    FieldLists,
    Scale,
    Weights,
    joined,
    learn,
    loss_and_slopes,
    require_learned,
)

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.feature_names import FeatureRows, Features
    from models.field_ranker.examples import DocumentExample

MEMBERS = 3
"""Networks of the second look, of which the mean is taken; the first has one of each half."""
MAX_OTHERS = 60
"""Wrong candidates of a field that are learned from, at most: those whose labels are most alike."""
DECIMALS = 4
_LIKENESS = CANDIDATE_FEATURES.index("likeness")


class SpannedText(NamedTuple):
    """A candidate's words."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class LearnedField:
    """The candidates and features of a field, and which candidates are right."""

    candidates: tuple[SpannedText, ...]
    features: FeatureRows
    labels: tuple[Span | None, ...]
    right: NDArray[np.bool_]
    field_features: Features
    is_missed: bool

    def with_features(self, more: FeatureRows, of_field: Features) -> LearnedField:
        """Return it with the features of the second look beside the others."""
        return LearnedField(
            self.candidates,
            np.hstack([self.features, more]),
            self.labels,
            self.right,
            self.field_features + of_field,
            self.is_missed,
        )


LearnedDocument = tuple[LearnedField, ...]


def learned_document(example: DocumentExample) -> LearnedDocument:
    """Return what is kept of a document to learn from."""
    return tuple(_learned_fields(example))


def _learned_fields(example: DocumentExample) -> Iterator[LearnedField]:
    for each in example.fields:
        right = np.array(each.right, np.bool_)
        features = each.field.features
        order = np.argsort(-features[:, _LIKENESS], kind="stable")
        kept = np.sort(np.concatenate([order[right[order]], order[~right[order]][:MAX_OTHERS]]))
        yield LearnedField(
            tuple(SpannedText(each.field.candidates[at].spans) for at in kept),
            features[kept],
            tuple(each.field.labels[at] for at in kept),
            right[kept],
            each.field.field_features,
            each.truth.value is not None and not right.any(),
        )


def lists_of(documents: Sequence[LearnedDocument]) -> FieldLists:
    """Return the fields of documents that the reading leaves a chance, as arrays.

    One whose value is there and among no candidate is left out: it would teach to choose none.
    """
    fields = [each for document in documents for each in document if not each.is_missed]
    return FieldLists(
        np.concatenate([each.features for each in fields]),
        np.repeat(np.arange(len(fields)), [len(each.right) for each in fields]),
        np.concatenate([each.right for each in fields]),
        np.array([each.field_features for each in fields], np.float32),
    )


def learn_ranker(
    train: Sequence[LearnedDocument], validation: Sequence[LearnedDocument], seed: int
) -> tuple[FieldRanker, dict[str, object]]:
    """Return the ranker of the epochs with the least loss on the validation, and its figures."""
    halves = train[::2], train[1::2]
    whole = lists_of(train)
    scales = Scale.of(whole.features), Scale.of(whole.none)
    judged = lists_of(validation)
    firsts = [_learned(lists_of(half), judged, scales, seed + at) for at, half in enumerate(halves)]
    networks = [_network(each, scales) for each in firsts]
    first = _network(joined(firsts), scales)
    seen = [
        *(looked(document, networks[1]) for document in halves[0]),
        *(looked(document, networks[0]) for document in halves[1]),
    ]
    again = lists_of(seen)
    second_scales = Scale.of(again.features), Scale.of(again.none)
    judged_again = lists_of([looked(document, first) for document in validation])
    members = [_learned(again, judged_again, second_scales, seed + at) for at in range(MEMBERS)]
    second = joined(members)
    loss = _loss(second, judged_again, second_scales)
    require_learned(loss, judged_again)
    ranker = FieldRanker(first, _network(second, second_scales))
    written = json.dumps(ranker_document(ranker))
    return parse_field_ranker(written), {
        "fields": whole.count,
        "validation fields": judged.count,
        "first look, nats": round(_loss(joined(firsts), judged, scales), 4),
        "validation loss, nats": round(loss, 4),
    }


def looked(document: LearnedDocument, first: RankingNetwork) -> LearnedDocument:
    """Return a document with the features of the second look."""
    ranked = [first.rank(each.features, each.field_features) for each in document]
    more = zip(document, *agreement(document, ranked), strict=True)
    return tuple(each.with_features(rows, of_field) for each, rows, of_field in more)


def _learned(
    lists: FieldLists, judged: FieldLists, scales: tuple[Scale, Scale], seed: int
) -> Weights:
    scaled, known = _scaled(judged, scales), _scaled(lists, scales)
    return learn(known, seed, lambda found: loss_and_slopes(found, scaled)[0])[0]


def _loss(weights: Weights, lists: FieldLists, scales: tuple[Scale, Scale]) -> float:
    return loss_and_slopes(weights, _scaled(lists, scales))[0]


def _scaled(lists: FieldLists, scales: tuple[Scale, Scale]) -> FieldLists:
    of_candidates, of_fields = scales
    return FieldLists(
        of_candidates.apply(lists.features).astype(np.float32),
        lists.field,
        lists.right,
        of_fields.apply(lists.none).astype(np.float32),
    )


def _network(weights: Weights, scales: tuple[Scale, Scale]) -> RankingNetwork:
    of_candidates, of_fields = scales
    return RankingNetwork(
        of_candidates.mean,
        of_candidates.spread,
        of_candidates.known(weights.hidden),
        weights.hidden_bias,
        weights.out,
        of_fields.mean,
        of_fields.spread,
        of_fields.known(weights.none_hidden),
        weights.none_hidden_bias,
        weights.none_out,
        float(weights.none_bias[0]),
    )


def ranker_document(ranker: FieldRanker) -> dict[str, object]:
    """Return the ranker in the form that `parse_field_ranker` reads."""
    return {
        "first": _document(ranker.first, CANDIDATE_FEATURES, FIELD_FEATURES),
        "second": _document(ranker.second, SECOND_FEATURES, SECOND_FIELD_FEATURES),
    }


def _document(
    network: RankingNetwork, features: Sequence[str], field_features: Sequence[str]
) -> dict[str, object]:
    return {
        "features": features,
        "field_features": field_features,
        "mean": _rounded(network.mean),
        "spread": _rounded(network.spread),
        "hidden": _rounded(network.hidden),
        "hidden_bias": _rounded(network.hidden_bias),
        "out": _rounded(network.out),
        "none_mean": _rounded(network.none_mean),
        "none_spread": _rounded(network.none_spread),
        "none_hidden": _rounded(network.none_hidden),
        "none_hidden_bias": _rounded(network.none_hidden_bias),
        "none_out": _rounded(network.none_out),
        "none_bias": round(network.none_bias, DECIMALS),
    }


def _rounded(values: NDArray[np.floating[Any]]) -> list[object]:
    rounded: list[object] = np.round(values.astype(np.float64), DECIMALS).tolist()
    return rounded
