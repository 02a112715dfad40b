"""Costs of ingesting: billed state transitions a small document, and dollars a thousand.

Transitions are counted as AWS bills a Standard workflow, one for each state that is entered.
Dollars are the documents' own receipts, by the list prices of the catalogue: the Lambda seconds in
them are this machine's.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.reporting import Result, Spread, spread
from benchmarks.running_cloud import Caller, running_cloud
from benchmarks.small_documents import KINDS

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
COLLECTION = "bench"
WARM_UP = 2


def measure(repetitions: int) -> Result:
    """Ingest `repetitions` one-page files of each kind, and every sample once."""
    measured: dict[str, Spread] = {}
    facts: dict[str, Any] = {}
    with running_cloud() as caller:
        for number in range(WARM_UP):
            _ingest(caller, f"warm-{number}.pdf", KINDS["pdf"](number))
        for kind, make in KINDS.items():
            documents = [
                _ingest(caller, f"{number}.{kind}", make(number)) for number in range(repetitions)
            ]
            transitions = [_entered(caller, document) for document in documents]
            dollars = [float(_dollars(document) * 1000) for document in documents]
            measured[f"one-page {kind}, billed transitions"] = spread(
                [float(len(each)) for each in transitions], "transitions"
            )
            measured[f"one-page {kind}, a thousand"] = spread(dollars, "dollars")
            facts[f"states of a one-page {kind}"] = " ".join(transitions[0])
            facts[f"lines of its receipt, dollars a thousand, {kind}"] = _lines(documents[-1])
        for file in sorted(SAMPLES.iterdir()):
            document = _ingest(caller, file.name, file.read_bytes())
            cost = f"{len(_entered(caller, document))} transitions, {_dollars(document)} dollars"
            facts[file.name] = f"{document['pages']} pages, {document['chunks']} chunks, {cost}"
    return Result(
        name="transitions",
        repetitions=repetitions,
        measured=measured,
        facts=facts,
        notes=(
            "A receipt prices Lambda by GB-seconds measured here, on another processor than AWS's.",
        ),
    )


def _ingest(caller: Caller, path: str, content: bytes) -> dict[str, Any]:
    announced = caller.announce(path, content, COLLECTION)
    caller.post(announced, content)
    return caller.settled(announced["document_id"])


def _entered(caller: Caller, document: dict[str, Any]) -> list[str]:
    return [
        event["stateEnteredEventDetails"]["name"]
        for event in caller.history(document["version"])
        if event["type"].endswith("StateEntered")
    ]


def _dollars(document: dict[str, Any]) -> Decimal:
    return Decimal(document["receipt"]["dollars"])


def _lines(document: dict[str, Any]) -> dict[str, str]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for line in document["receipt"]["lines"]:
        totals[f"{line['role']}: {line['model']}"] += Decimal(line["dollars"]) * 1000
    return {name: format(amount, "f") for name, amount in totals.items()}
