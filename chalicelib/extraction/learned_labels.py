"""Learn the names of an extractor's fields from the labels beside reviewed values.

In each document a field has the label that stands beside its values in the most documents, the
nearest of several. A label that stands as near to another field's value says nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.contracts.calibrations import LearnedLabel
from chalicelib.extraction.label_sightings import DocumentSightings, LabelSighting, label_key

if TYPE_CHECKING:
    from chalicelib.extraction.leaves import Leaf
    from chalicelib.extraction.schema import ExtractionSchema

MIN_DOCUMENTS = 2
"""Documents in which a label has to name a field, unless it stands near its value."""
NEAR = 0.75
"""Distance up to which one document is enough: before a value, close above it, or over its column.
Chosen on the validation's designs with words of no language."""
MAX_LABELS = 12
"""Labels of one field: those of the most documents."""
SHARE = 0.66
"""Of the documents in which a label names a field, the share in which it has to name this one: one
mistake among three reviews is to take no label away."""
MAX_AS_VALUE = 0.2
"""Documents that have a label as a value, as a share of those that have it as a label."""
NEARER = 0.15
"""By how much nearer to one value than to another a label has to be to name it."""

_Votes = Mapping[tuple[str, str], Sequence[LabelSighting]]


def learn_labels(
    documents: Sequence[DocumentSightings],
    min_documents: int = MIN_DOCUMENTS,
    *,
    near: float = NEAR,
    of_few: bool = False,
) -> tuple[LearnedLabel, ...]:
    """Return what the documents call fields, by field, and the commonest labels first.

    Args:
        documents: the labels beside values, one item a document.
        min_documents: in how many of them a label has to name a field.
        near: up to which distance it is enough if it does in one.
        of_few: whether fewer are enough if no others show the field.
    """
    votes = _votes(documents)
    of_key: Counter[tuple[bool, str]] = Counter()
    for (_, key), sightings in votes.items():
        of_key[sightings[0].in_list, key] += len(sightings)
    values = _values(documents)
    showing = Counter(field for each in documents for field in {one.field for one in each.labels})
    found: dict[str, list[LearnedLabel]] = defaultdict(list)
    for (field, key), sightings in votes.items():
        count = len(sightings)
        is_own = count >= SHARE * of_key[sightings[0].in_list, key]
        needed = min(min_documents, showing[field]) if of_few else min_documents
        is_near = min(each.distance for each in sightings) <= near
        if (count >= needed or is_near) and is_own and not _is_of_value(sightings, values[field]):
            label = _commonest([each.label for each in sightings])
            found[field].append(LearnedLabel(field=field, label=label, documents=count))
    return tuple(
        label
        for field in sorted(found)
        for label in sorted(found[field], key=lambda each: (-each.documents, each.label))[
            :MAX_LABELS
        ]
    )


def with_labels(schema: ExtractionSchema, labels: Sequence[LearnedLabel]) -> ExtractionSchema:
    """Return a schema whose fields have learned labels as names, too, behind their own."""
    named: dict[str, list[str]] = defaultdict(list)
    for each in labels:
        named[each.field].append(each.label)
    lists = []
    for of in schema.lists:
        columns = (_named(leaf, named[f"{of.pointer}{leaf.pointer}"]) for leaf in of.columns)
        lists.append(of if of.of_scalars else replace(of, columns=tuple(columns)))
    leaves = (_named(leaf, named[leaf.pointer]) for leaf in schema.leaves)
    return replace(schema, leaves=tuple(leaves), lists=tuple(lists))


def new_labels(schema: ExtractionSchema, labels: Sequence[LearnedLabel]) -> list[LearnedLabel]:
    """Return the labels that no field of the schema has as a name of its own."""
    names = {leaf.pointer: leaf.names for leaf in schema.leaves}
    names |= {
        f"{of.pointer}{leaf.pointer}": leaf.names for of in schema.lists for leaf in of.columns
    }
    known = {field: set(map(label_key, its)) for field, its in names.items()}
    return [
        each
        for each in labels
        if each.field in known and label_key(each.label) not in known[each.field]
    ]


def _named(leaf: Leaf, labels: Sequence[str]) -> Leaf:
    known = set(map(label_key, leaf.names))
    new = [label for label in labels if label_key(label) not in known]
    return replace(leaf, names=(*leaf.names, *new)) if new else leaf


def _votes(documents: Sequence[DocumentSightings]) -> _Votes:
    """Return for each field and key the sightings of the documents in which it names the field."""
    named = [list(_naming(each)) for each in documents]
    seen = Counter((each.field, each.key) for its in named for each in its)
    as_value = Counter(key for each in documents for key in each.values)
    votes: dict[tuple[str, str], list[LabelSighting]] = defaultdict(list)
    for its in named:
        best: dict[str, LabelSighting] = {}
        for each in its:
            if as_value[each.key] > MAX_AS_VALUE * seen[each.field, each.key]:
                continue
            held = best.get(each.field)
            if held is None or _rank(each, seen) > _rank(held, seen):
                best[each.field] = each
        for each in best.values():
            votes[each.field, each.key].append(each)
    return votes


def _values(documents: Sequence[DocumentSightings]) -> Mapping[str, set[str]]:
    values: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        for each in document.labels:
            values[each.field].add(each.value)
    return values


def _is_of_value(sightings: Sequence[LabelSighting], values: set[str]) -> bool:
    """Return whether a text comes with one of several values, as a name with its address does."""
    own = {each.value for each in sightings}
    return all(each.stacked for each in sightings) and len(own) == 1 < len(values)


def _naming(document: DocumentSightings) -> Iterator[LabelSighting]:
    """Yield the labels of a document that are surely nearest to one field."""
    by_key: dict[tuple[bool, str], list[LabelSighting]] = defaultdict(list)
    for each in document.labels:
        by_key[each.in_list, each.key].append(each)
    for (_, key), its in by_key.items():
        nearest, *others = sorted(its, key=lambda each: each.distance)
        is_sure = not others or others[0].distance - nearest.distance >= NEARER
        if key and is_sure:
            yield nearest


def _rank(sighting: LabelSighting, seen: Counter[tuple[str, str]]) -> tuple[int, float, str]:
    return seen[sighting.field, sighting.key], -sighting.distance, sighting.key


def _commonest(labels: Sequence[str]) -> str:
    return min(Counter(labels).items(), key=lambda each: (-each[1], each[0]))[0]
