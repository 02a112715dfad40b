"""Names of fields as a stranger writes them: of all that a thing is called, the least alike."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.leaf_reader import label_names
from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.wordings import wordings

if TYPE_CHECKING:
    from chalicelib.extraction.leaves import Leaf

STRANGE = 0.5
"""Share of the fields of a stranger's schema that are called otherwise than their documents do."""


def with_strange_names(
    leaves: Sequence[Leaf],
    of_leaves: Mapping[str, str],
    labels: Mapping[str, str],
    language: str,
    rng: random.Random,
) -> tuple[Leaf, ...]:
    """Return fields of which about half have one name, that is least like the document's label.

    Args:
        leaves: The fields.
        of_leaves: The concept of each, by its pointer.
        labels: What the document calls each concept that it has a label of.
        language: Of the document, whose own words name the fields at times.
        rng: Of the choice.
    """
    return tuple(
        _strange(leaf, of_leaves[leaf.pointer], labels, language)
        if rng.random() < STRANGE
        else leaf
        for leaf in leaves
    )


def _strange(leaf: Leaf, concept: str, labels: Mapping[str, str], language: str) -> Leaf:
    pool = [name for key in concepts()[concept].keys for name in label_names(key, {}, "")]
    for each in ("en", language):
        pool += wordings(each).get(concept, ((), ()))[0]
    label = labels.get(concept, "")
    others = [name for name in dict.fromkeys(pool) if name != label]
    if not others:
        return leaf
    comparison = LabelComparison()
    return replace(
        leaf, names=(min(others, key=lambda name: comparison.similarity((name,), label)),)
    )
