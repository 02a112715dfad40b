"""How likely a document is one that a schema asks about, so that of several schemas one is taken.

A learned regression of both directions: whether the document has what the fields ask for, and
whether the schema asks for what the document's labels say; and whether its first lines say what
the schema, or the extractor that it is saved as, is called.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.extraction.confidence import Odds
from chalicelib.extraction.document_reader import DocumentReader, ranked_fields
from chalicelib.extraction.features import names_of

if TYPE_CHECKING:
    from chalicelib.extraction.feature_names import Features
    from chalicelib.extraction.ranker import FieldRanker

WEIGHTS = Path(__file__).with_name("schema_fit.json")
FIT_FEATURES = (
    "chance",
    "sure",
    "absent",
    "likeness",
    "meaning",
    "vocabulary",
    "translation",
    "labels named",
    "labels like",
    "columns",
    "has list",
    "called",
    "has name",
)
"""chance: mean probability of the fields that they have a value; sure and absent: shares that have
one with .8 and more, and .2 and less. likeness, meaning, vocabulary, translation: of each field's
names and its best label, in the mean. labels named: share of the document's short texts that a
name is like, and labels like: their mean likeness. columns: likeness of the columns of lists and
their titles. called: likeness of the first lines and what the schema is called."""
LABELS, LABEL_WORDS, LIKE = 60, 4, 0.5
"""Short texts that are looked at, words that they have at most, and when one is like a name."""
FIRST_LINES = 12
_SURE, _ABSENT = 0.8, 0.2


def fit_features(reader: DocumentReader, ranker: FieldRanker, called: Sequence[str]) -> Features:
    """Return the `FIT_FEATURES` of a schema and a document.

    Args:
        reader: of the document by the schema.
        ranker: of the fields outside of lists.
        called: what the schema is called: its title, the name of the extractor; may be empty.
    """
    fields = ranked_fields(reader.unranked(), ranker)
    chances = [1 - each.ranked.none for each in fields]
    count = max(1, len(fields))
    best = [sum(each.field_features[at] for each in fields) / count for at in range(4)]
    columns = [reader.titles_alike(each.field, each.reading) for each in reader.read_lists()]
    named = list(_labels_named(reader))
    titles = tuple(name for name in called if name.strip())
    return (
        sum(chances) / count,
        sum(chance >= _SURE for chance in chances) / count,
        sum(chance <= _ABSENT for chance in chances) / count,
        *best,
        sum(alike >= LIKE for alike in named) / max(1, len(named)),
        sum(named) / max(1, len(named)),
        sum(columns) / max(1, len(columns)),
        float(bool(columns)),
        _called(reader, titles),
        float(bool(titles)),
    )


def _labels_named(reader: DocumentReader) -> Iterator[float]:
    """Yield how alike each short text without digits is to the name of any field or column."""
    schema, comparison = reader.schema, reader.comparison
    leaves = (*schema.leaves, *(leaf for each in schema.lists for leaf in each.columns))
    names = [names_of(leaf) for leaf in leaves]
    texts = list(dict.fromkeys(_short_texts(reader)))[:LABELS]
    comparison.embed([*texts, *(name for each in names for name in each)])
    for text in texts:
        yield max((comparison.similarity(each, text) for each in names), default=0.0)


def _short_texts(reader: DocumentReader) -> Iterator[str]:
    for page in reader.document.pages:
        for line in reader.layouts[0].lines(page.number):
            for cell in line.cells:
                text = cell.text.strip(" :\n")
                few = 0 < len(text.split()) <= LABEL_WORDS
                if few and any(map(str.isalpha, text)) and not any(map(str.isdigit, text)):
                    yield text


def _called(reader: DocumentReader, titles: tuple[str, ...]) -> float:
    """Return how alike what the schema is called and any of the first lines' texts are."""
    if not titles:
        return 0.0
    first = reader.document.pages[0].number
    lines = reader.layouts[0].lines(first)[:FIRST_LINES]
    texts = [cell.text for line in lines for cell in line.cells]
    reader.comparison.embed([*titles, *texts])
    return max((reader.comparison.similarity(titles, text) for text in texts), default=0.0)


def parse_schema_fit(written: str) -> Odds:
    """Return the regression from its JSON; raise ValueError if it is of other features."""
    document = json.loads(written)
    if tuple(document["weights"]) != FIT_FEATURES:
        raise ValueError(f"The fit's weights are of other features than {list(FIT_FEATURES)}.")
    return Odds(tuple(document["weights"].values()), float(document["bias"]))


@functools.cache
def schema_fit() -> Odds:
    """Return the regression that is shipped, read once per process."""
    return parse_schema_fit(WEIGHTS.read_text("utf-8"))
