"""Learn which words of running text are names, places and terms, and write it beside the code.

python -m models.sentence_spans                 learn, and write the weights
python -m models.sentence_spans --without de    learn without a language, and judge on it
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.span_tagger import (
    BEGINS,
    CONTEXT,
    GOES_ON,
    OUTSIDE,
    SPANS,
    SpanTagger,
    tagger_document,
    text_tokens,
    token_rows,
)
from models.sentence_spans.sentences import TaggedSentence, sentence_authors, tagged_sentences
from models.weights_file import write_weights

SEED = "sentence spans 3"
ROWS = 1 << 14
SENTENCES, JUDGED = 24_000, 600
EPOCHS, BATCH, RATE = 3, 256, 0.2
DROPPED = 0.5
"""Share of the words whose neighbours are not told, in learning."""
RIDGE = 1e-6
_LARGEST = 127


def main() -> None:
    """Learn the tagger, and print how it finds values."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", default="", help="a language that is judged and not learned")
    parser.add_argument("--sentences", type=int, default=SENTENCES)
    arguments = parser.parse_args()
    learned = list(tagged_sentences(SEED, arguments.sentences, arguments.without))
    tagger = learned_tagger(learned)
    authors = [
        each
        for each in sentence_authors(f"{SEED} judged")
        if not arguments.without or each.language == arguments.without
    ]
    judged = [authors[at % len(authors)].sentence() for at in range(JUDGED)]
    sys.stdout.write(f"{json.dumps(figures(tagger, judged))}\n")
    if not arguments.without:
        about = "Learned on generated sentences by models/sentence_spans."
        write_weights(SPANS, about, tagger_document(tagger))


def learned_tagger(sentences: Sequence[TaggedSentence]) -> SpanTagger:
    """Return a tagger by multinomial logistic regression with Adagrad."""
    rng = random.Random(SEED)  # noqa: S311 - nothing secret
    rows: list[list[int]] = []
    tags: list[int] = []
    for sentence in sentences:
        tokens = list(text_tokens(sentence.text))
        tags += tags_of(sentence)
        for found in token_rows(tokens, ROWS):
            hidden = CONTEXT if rng.random() < DROPPED else frozenset[int]()
            rows.append([row for n, row in enumerate(found) if n not in hidden])
    order = np.random.default_rng(3)
    weights = np.zeros((ROWS + 1, 3), np.float32)
    squares = np.full((ROWS + 1, 3), 1e-6, np.float32)
    labels = np.array(tags)
    for epoch in range(EPOCHS):
        shuffled = order.permutation(len(rows))
        for at in range(0, len(rows), BATCH):
            chosen = shuffled[at : at + BATCH]
            rate = RATE * (1 - (epoch + at / len(rows)) / EPOCHS)
            _step(weights, squares, [rows[n] for n in chosen], labels[chosen], rate)
    scale = float(np.abs(weights[:ROWS]).max()) / _LARGEST
    return SpanTagger(
        np.round(weights[:ROWS] / scale).astype(np.int8), weights[ROWS].copy(), round(scale, 6)
    )


def _step(
    weights: NDArray[np.float32],
    squares: NDArray[np.float32],
    rows: Sequence[Sequence[int]],
    labels: NDArray[np.int64],
    rate: float,
) -> None:
    flat = np.concatenate([[*each, ROWS] for each in rows])
    begins = np.cumsum([0, *(len(each) + 1 for each in rows)])
    logits = np.add.reduceat(weights[flat], begins[:-1], axis=0)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    slope = raised / raised.sum(axis=1, keepdims=True)
    slope[np.arange(len(labels)), labels] -= 1
    spread = np.repeat(slope / len(labels), np.diff(begins), axis=0)
    used, where = np.unique(flat, return_inverse=True)
    summed = np.stack([np.bincount(where, spread[:, n], len(used)) for n in range(3)], axis=1)
    summed = (summed + RIDGE * weights[used]).astype(np.float32)
    squares[used] += summed**2
    weights[used] -= rate * summed / np.sqrt(squares[used])


def tags_of(sentence: TaggedSentence) -> list[int]:
    """Return the tag of each word of a sentence."""
    tags = []
    for token in text_tokens(sentence.text):
        inside = [span for span in sentence.spans if span[0] <= token.start < span[1]]
        if not inside:
            tags.append(OUTSIDE)
            continue
        before = sentence.text[inside[0][0] : token.start]
        tags.append(GOES_ON if any(map(str.isalnum, before)) else BEGINS)
    return tags


def figures(tagger: SpanTagger, sentences: Sequence[TaggedSentence]) -> dict[str, float]:
    """Return the share of values among the spans, and how many spans a hundred words have."""
    there = found = first = spans = words = 0
    for sentence in sentences:
        got = tagger.spans(sentence.text)
        words += len(list(text_tokens(sentence.text)))
        spans += len(got)
        places = [_bare(sentence.text[each.start : each.end]) for each in got]
        top = places[: len(sentence.spans)]
        for start, end in sentence.spans:
            there += 1
            value = _bare(sentence.text[start:end])
            found += value in places
            first += value in top
    return {
        "values": there,
        "found": round(found / max(1, there), 4),
        "among the first": round(first / max(1, there), 4),
        "spans of 100 words": round(100 * spans / max(1, words), 2),
    }


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


if __name__ == "__main__":
    main()
