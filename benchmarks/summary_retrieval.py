"""The retrieval benchmark's part of `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.judged import BASE, LABELLED, VERSIONS

Found = Mapping[str, Any]


def retrieval(found: Found) -> Iterator[str]:
    """Yield a table per collection, then the labelled questions and the reranking times."""
    facts = found["facts"]
    for name, told in facts.items():
        if name not in (LABELLED, VERSIONS):
            yield from _collection(name, told)
    if LABELLED in facts:  # It takes longest, and a run of the collections alone has none.
        yield from _labelled(facts[LABELLED])
    yield from _took(found["measured"])


def _collection(name: str, told: Found) -> Iterator[str]:
    metrics = list(told["ways"][BASE])
    yield f"{name}, {told['documents']} documents, {told['questions']} questions for tests:"
    yield ""
    yield f"| | {' | '.join(metrics)} |"
    yield f"| --- |{' --- |' * len(metrics)}"
    for way, scores in told["ways"].items():
        yield f"| {way} | {' | '.join(_cell(scores[metric]) for metric in metrics)} |"
    yield ""


def _cell(score: Found) -> str:
    cell = f"{score['mean']:.3f}"
    if "difference" in score:
        apart = score["difference"]
        cell += f" ({apart['mean']:+.3f}: {apart['low']:+.3f} to {apart['high']:+.3f})"
    return cell


def _labelled(told: Found) -> Iterator[str]:
    base = told[BASE]
    yield (
        f"Answers, {base['answerable']} labelled questions that a file answers and"
        f" {base['unanswerable']} that none does:"
    )
    yield ""
    yield "| | MRR@10 of the right passage | answered rightly | answered though nothing answers |"
    yield "| --- | --- | --- | --- |"
    for way, scores in told.items():
        ends = (scores["answered rightly"], scores["answered though nothing answers"])
        yield f"| {way} | {_cell(scores['MRR@10'])} | {ends[0]} | {ends[1]} |"
    yield ""


def _took(measured: Found) -> Iterator[str]:
    yield "| milliseconds of CPU | p50 | p90 |"
    yield "| --- | --- | --- |"
    for name, spread in measured.items():
        yield f"| {name} | {spread['median']:.0f} | {spread['p90']:.0f} |"
