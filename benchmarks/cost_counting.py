"""Counters of a local cloud: calls by its ledger, functions by their reports, bytes."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.running_cloud import Caller
from localcloud.iam import ledger

SETTLE_S = 2.5
"""The ledger writes counts every second, and a finished execution still settles."""

_REPORT = re.compile(r'"billedDurationMs":(\d+),"memorySizeMB":(\d+)')


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything counted so far. `functions` maps a name to invocations, milliseconds and MB."""

    calls: Counter[str]
    actions: Counter[str]
    functions: Mapping[str, tuple[int, int, int]]
    log_bytes: int
    objects: int


def counted(caller: Caller) -> Counts:
    """Return the counts, once all started work has been written down."""
    time.sleep(SETTLE_S)
    folder = caller.cloud.data_dir
    book = ledger.read_ledger(next(folder.rglob(ledger.LEDGER_FILE)))
    calls: Counter[str] = Counter()
    for call, count in book.calls.items():
        if call.caller != "administrator":
            calls[f"{call.service}:{call.operation}"] += count
    actions: Counter[str] = Counter()
    for decided, count in book.decisions.items():
        if decided.caller != "administrator" and decided.action.startswith("dynamodb:"):
            actions[decided.action] += count
    logs = folder / "lambdas" / "logs"
    return Counts(
        calls,
        actions,
        {file.stem: _reports(file) for file in sorted(logs.glob("*.log"))},
        sum(file.stat().st_size for file in logs.glob("*.log")),
        _objects(caller),
    )


def _reports(file: Path) -> tuple[int, int, int]:
    reports = _REPORT.findall(file.read_text(errors="replace"))
    return len(reports), sum(int(ms) for ms, _ in reports), int(reports[-1][1]) if reports else 0


def _objects(caller: Caller) -> int:
    return sum(1 for _ in versions_of(caller))


def versions_of(caller: Caller) -> list[dict[str, Any]]:
    """Return every version of every object of the documents bucket."""
    s3 = caller.cloud.client("s3")
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=caller.cloud.outputs["DocumentsBucketName"]
    )
    return [version for page in pages for version in page.get("Versions", ())]
