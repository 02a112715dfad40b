"""Throughput of the int8 embedder beside sentence-transformers, and their similarity.

Both run in this run, in turn, one thread each, on the same texts with the same number of
tokens. The rate is by the CPU time of the process, which neighbours disturb least; the rate by
the clock is in the result too. sentence-transformers runs the published fp32 weights, one text
at a time as ours does, and 32 at a time, which is its best on one core.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_environment import ALONE, interpreter
from benchmarks.lines import Peer, peer
from benchmarks.reporting import Result, spread
from chalicelib.inference.embedder import MODEL
from chalicelib.inference.tokenizers import SentenceTokenizer

PROJECT = Path(__file__).resolve().parent.parent
MODELS = PROJECT / "models" / "cache"
TEXTS = 32
LENGTHS = (32, 128, 256)
OURS, THEIRS_1, THEIRS_32 = "ours, int8", "sentence-transformers", "sentence-transformers, batch 32"

Spent = dict[tuple[str, int], list[dict[str, Any]]]


def texts_of(length: int, tokens: SentenceTokenizer, prose: str) -> list[str]:
    """Return 32 passages of `prose` with exactly `length` tokens, special ones included."""
    spans = tokens.spans(prose)
    inner = length - 2
    texts: list[str] = []
    stride = max(1, (len(spans) - inner) // (TEXTS * 2))
    for first in range(0, len(spans) - inner, stride):
        text = prose[spans[first][0] : spans[first + inner - 1][1]]
        if tokens.count(text) == length:
            texts.append(text)
    if len(texts) < TEXTS:
        raise ValueError(f"only {len(texts)} passages of {length} tokens")
    return texts[:TEXTS]


def measure(repetitions: int) -> Result:
    """Run both in turn `repetitions` times."""
    prose = "\n".join(file.read_text() for file in sorted((PROJECT / "docs").rglob("*.md")))
    tokens = SentenceTokenizer(MODELS / MODEL / "tokenizer.json")
    texts = {length: texts_of(length, tokens, prose) for length in LENGTHS}
    ours = [sys.executable, "-m", "benchmarks.embedding_ours", str(MODELS)]
    theirs = [str(interpreter()), "-m", "benchmarks.embedding_theirs"]
    environment = {**os.environ, **ALONE}
    spent: Spent = defaultdict(list)
    with (
        peer(ours, PROJECT, environment) as embedder,
        peer(theirs, PROJECT, environment) as published,
    ):
        nearness = {length: _nearness(embedder, published, texts[length]) for length in LENGTHS}
        for repetition in range(repetitions):
            for length in LENGTHS:
                _round(repetition, length, texts[length], (embedder, published), spent)
        versions = published.ready["versions"]
    return _result(repetitions, spent, nearness, versions)


def _round(
    repetition: int, length: int, texts: Sequence[str], peers: tuple[Peer, Peer], spent: Spent
) -> None:
    embedder, published = peers
    turns = [(OURS, embedder, 1), (THEIRS_1, published, 1), (THEIRS_32, published, 32)]
    for name, who, batch in turns if repetition % 2 else reversed(turns):
        answer = who.ask({"texts": texts, "batch": batch, "vectors": False})
        spent[name, length].append({"core": answer["core"], "wall": answer["wall"]})


def _nearness(embedder: Peer, published: Peer, texts: Sequence[str]) -> list[float]:
    """Return the cosine of each text's int8 vector and its fp32 vector, both of unit length."""
    question = {"texts": texts, "batch": 1, "vectors": True}
    exact = published.ask(question)
    if len(set(exact["tokens"])) != 1:
        raise ValueError(f"sentence-transformers counts other tokens: {exact['tokens']}")
    int8, fp32 = np.array(embedder.ask(question)["vectors"]), np.array(exact["vectors"])
    return [float(value) for value in (int8 * fp32).sum(axis=1)]


def _result(
    repetitions: int, spent: Spent, nearness: dict[int, list[float]], versions: dict[str, str]
) -> Result:
    measured, ratios = {}, {}
    for length in LENGTHS:
        for name in (OURS, THEIRS_1, THEIRS_32):
            for kind, unit in (("core", "sentences/core-second"), ("wall", "sentences/s")):
                rates = [TEXTS / each[kind] for each in spent[name, length]]
                label = f"{name}, {length} tokens" + (", by the clock" if kind == "wall" else "")
                measured[label] = spread(rates, unit)
        for name, against in ((THEIRS_1, "batch 1"), (THEIRS_32, "batch 32")):
            ratios[f"ours against theirs at {against}, {length} tokens"] = statistics.median(
                theirs["core"] / ours["core"]
                for ours, theirs in zip(spent[OURS, length], spent[name, length], strict=True)
            )
        label = f"cosine of int8 and fp32, {length} tokens"
        measured[label] = spread(nearness[length], "cosine")
    return Result(
        name="embedding",
        repetitions=repetitions,
        measured=measured,
        ratios=ratios,
        facts={"texts a repetition": TEXTS},
        versions=versions,
        notes=(
            "One thread each, in turn in one run; tokenizing is included on both sides.",
            "Theirs at batch 1 is one call to encode with 32 texts and batch_size=1.",
            "Ratios are medians over the repetitions of CPU time against CPU time.",
        ),
    )
