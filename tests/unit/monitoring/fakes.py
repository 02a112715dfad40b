"""Captured calls that were made up, and what watches them, in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.functions.embed_text import EmbedTextResult
from chalicelib.jobs.ulids import ulid_of
from functions.run_schedule.watch import WatchDeps
from tests.unit.captures.fakes import FakeCaptures

SUBJECT = CaptureSubject(kind="prompt", name="greeting")
DIMENSIONS = 16


def captured(
    at: datetime, text: str = "Hello", output: str = "Hi there.", **fields: object
) -> CapturedCall:
    """Return a captured call of `SUBJECT` at a time."""
    given = {
        "id": ulid_of(at, f"{text}{output}"),
        "subject": SUBJECT,
        "version": "1",
        "created_at": at,
        "language": "en",
        "input": json.dumps({"variables": {"text": text}}),
        "output": output,
        "input_characters": len(text),
        "output_characters": len(output),
        "latency_ms": 100,
    }
    return CapturedCall.model_validate(given | fields)


def steady_calls(
    start: datetime, count: int, seed: int, topic: str = "tide", **fields: object
) -> list[CapturedCall]:
    """Return calls a second apart, whose lengths and latencies vary by chance alone."""
    rng = np.random.default_rng(seed)
    return [
        captured(
            start + timedelta(seconds=n),
            f"{topic} {rng.integers(10**6)} " + "a" * int(rng.integers(5, 60)),
            "b" * int(rng.integers(50, 400)),
            **{"latency_ms": int(rng.lognormal(6, 0.5)), **fields},
        )
        for n in range(count)
    ]


@dataclass
class TopicEmbedder:
    """Embeds a text near to a place that its first word decides."""

    texts: list[str] = field(default_factory=list)

    def embed(
        self, texts: Sequence[str], correlation_id: str, model: str = "", *, truncate: bool = True
    ) -> EmbedTextResult:
        assert model in ("", "topics")
        self.texts += texts
        return EmbedTextResult(
            vectors=tuple(map(_vector, texts)), model="topics", tokens=len(texts), seconds=0.5
        )


def _vector(text: str) -> tuple[float, ...]:
    place = np.zeros(DIMENSIONS)
    place[sum(text.split(" ")[0].encode()) % DIMENSIONS] = 1.0
    seed = np.frombuffer(text.encode().ljust(8, b" ")[-8:], np.uint64)[0]
    noise = np.random.default_rng(int(seed)).normal(0, 0.1, DIMENSIONS)
    return tuple(float(each) for each in place + noise)


@dataclass
class FakeArchive:
    """Captured calls in the order of their ids."""

    stored: list[CapturedCall] = field(default_factory=list)

    def calls(
        self,
        tenant: str,
        subject: CaptureSubject,
        *,
        now: datetime,
        after: str = "",
        since: datetime | None = None,
        limit: int = 0,
    ) -> Iterator[CapturedCall]:
        own = sorted(self.stored, key=lambda call: call.id)
        found = [call for call in own if call.id > after]
        if since is not None:
            found = [call for call in found if call.created_at >= since]
        yield from found[: limit or None]

    def newest(
        self, tenant: str, subject: CaptureSubject, count: int, before: str = ""
    ) -> Iterator[CapturedCall]:
        own = sorted(self.stored, key=lambda call: call.id, reverse=True)
        yield from [call for call in own if not before or call.id < before][:count]


class FakeWatching:
    """What runs that watch are given, and what they have published and counted."""

    def __init__(self) -> None:
        self.captures = FakeCaptures()
        self.archive = FakeArchive()
        self.embedder = TopicEmbedder()
        self.events: list[BusEvent] = []
        self.counted: list[int] = []
        self.deps = WatchDeps(
            records=self.captures,
            baselines=self.captures,
            archive=self.archive,
            embedder=self.embedder,
            publish=self.events.append,
            count=self.counted.append,
            cost=lambda seconds: 1_000,
        )
