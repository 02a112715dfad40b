"""Alarms of monitoring: `python -m benchmarks drift`.

Traffic of an endpoint is simulated: real questions, embedded by the product's own model, with
simulated lengths, latencies, costs and outcomes whose latency follows the time of day. Quiet
traffic runs for 30 days and is looked at every hour; each shift begins at once, and counts as found
if a look within 200 calls says so. The baseline, the features, their tests and the spending of
false alarms are the product's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.reporting import Result, spread
from benchmarks.shares import share
from chalicelib.contracts.captures import CaptureSubject
from chalicelib.contracts.monitors import MonitorTerms
from chalicelib.inference.embedder import MODEL, Embedder
from chalicelib.monitoring.drift import compare, look_share
from chalicelib.monitoring.features import (
    EmbeddingProjection,
    FeatureValues,
    fit_and_project,
    spread_evenly,
)
from models.judged_search.collection import DATA
from models.pull.cache import CACHE

TERMS = MonitorTerms(subject=CaptureSubject(kind="prompt", name="simulated"))
CALLS_AN_HOUR = 50
HOURS = 30 * 24
WITHIN_CALLS = 200
LOOKS = WITHIN_CALLS // CALLS_AN_HOUR
HOUR = timedelta(hours=1)
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Traffic:
    """A population of calls: shares of outcomes, topics and languages, medians of lengths."""

    elsewhere: float = 0.0
    german: float = 0.05
    refused: float = 0.04
    failed: float = 0.01
    uncited: float = 0.08
    unsafe: float = 0.002
    words: float = 1.0
    answer: float = 400.0
    latency: float = 900.0
    cost: float = 20_000.0


QUIET = Traffic()
SHIFTS: Mapping[str, Traffic] = {
    "half of the inputs about something else": replace(QUIET, elsewhere=0.5),
    "inputs twice as long": replace(QUIET, words=2.0),
    "answers twice as long": replace(QUIET, answer=800.0),
    "latency twice as long": replace(QUIET, latency=1_800.0),
    "3 times the cost": replace(QUIET, cost=60_000.0),
    "German 5 % -> 30 %": replace(QUIET, german=0.3),
    "refusals 4 % -> 25 %": replace(QUIET, refused=0.25),
    "errors 1 % -> 20 %": replace(QUIET, failed=0.2),
    "uncited answers 8 % -> 35 %": replace(QUIET, uncited=0.35),
    "unsafe answers 0.2 % -> 12 %": replace(QUIET, unsafe=0.12),
    "answers 1.4 times as long": replace(QUIET, answer=560.0),
    "refusals 4 % -> 12 %": replace(QUIET, refused=0.12),
}


@dataclass(frozen=True, slots=True)
class Texts:
    """Real questions with their vectors: `home` of manuals, `away` sentences of a dictionary."""

    home: NDArray[np.float32]
    home_lengths: NDArray[np.float64]
    away: NDArray[np.float32]
    away_lengths: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calls:
    """Simulated calls, a value of each a row."""

    vectors: NDArray[np.float32]
    numbers: Mapping[str, NDArray[np.float64]]
    categories: Mapping[str, NDArray[np.str_]]

    def last(self, count: int) -> Calls:
        """Return the newest calls."""
        return self.between(-count, None)

    def between(self, start: int | None, end: int | None) -> Calls:
        """Return the calls from `start` to `end`."""
        return Calls(
            self.vectors[start:end],
            {name: values[start:end] for name, values in self.numbers.items()},
            {name: values[start:end] for name, values in self.categories.items()},
        )

    def at(self, places: NDArray[np.int64]) -> Calls:
        """Return the calls at some places."""
        return Calls(
            self.vectors[places],
            {name: values[places] for name, values in self.numbers.items()},
            {name: values[places] for name, values in self.categories.items()},
        )

    def features(self, projection: EmbeddingProjection) -> FeatureValues:
        """Return the features as the product makes them of captured calls."""
        values = self.values()
        projected = projection.numbers("input", self.vectors)
        return replace(values, numbers={**values.numbers, **projected})

    def values(self) -> FeatureValues:
        """Return the features without those of embeddings."""
        categories = {}
        for name, values in self.categories.items():
            found, counts = np.unique(values, return_counts=True)
            categories[name] = dict(zip(found.tolist(), counts.tolist(), strict=True))
        return FeatureValues(len(self.vectors), self.numbers, categories)


def measure(repetitions: int = 100) -> Result:
    """Simulate `repetitions` seeds of quiet traffic and of each shift."""
    texts = _texts()
    quiet = [_quiet_alarms(np.random.default_rng(seed), texts) for seed in range(repetitions)]
    within = sum(alarms <= 1 for alarms in quiet)
    none = sum(alarms == 0 for alarms in quiet)
    facts: dict[str, Any] = {
        "seeds": f"0 to {repetitions - 1}",
        "quiet": {
            "days": 30,
            "looks": HOURS,
            "calls a day": 24 * CALLS_AN_HOUR,
            "at most one false alarm": share(within, repetitions),
            "no false alarm": share(none, repetitions),
            "false alarms, all seeds": sum(quiet),
        },
        "shifts": {},
    }
    measured = {"false alarms in 30 quiet days": spread([float(each) for each in quiet], "alarms")}
    for name, traffic in SHIFTS.items():
        found = [
            _calls_until_alarm(np.random.default_rng([seed, 1]), texts, traffic)
            for seed in range(repetitions)
        ]
        seen = [calls for calls in found if calls <= WITHIN_CALLS]
        facts["shifts"][name] = share(len(seen), repetitions)
        measured[f"calls until the alarm, {name}"] = spread(
            [float(each) for each in found], "calls"
        )
    return Result("drift", repetitions, measured, facts=facts, notes=NOTES)


NOTES = (
    (
        f"Baseline of {TERMS.baseline_calls} calls of a day, windows of {TERMS.window_calls},"
        f" a look an hour, {TERMS.false_alarms} false alarms in 30 days, least PSI {TERMS.min_psi}:"
        " the defaults."
    ),
    (
        "Inputs are questions of the Linux manual pages and of Python's FAQ; those about something"
        " else are example sentences of WordNet."
    ),
    f"A shift that no look within {WITHIN_CALLS} calls finds counts as {WITHIN_CALLS + 1} calls.",
    "The last two shifts are too small to be found within 200 calls, and show where the limit is.",
)


def _quiet_alarms(rng: Rng, texts: Texts) -> int:
    """Return how often 30 quiet days raise an alarm: a feature drifts that did not before."""
    baseline, projection = _baseline(rng, texts)
    calls = _simulate(rng, texts, QUIET, HOURS * CALLS_AN_HOUR, first_hour=0)
    alarms, known = 0, frozenset[str]()
    for hour in range(1, HOURS + 1):
        end = hour * CALLS_AN_HOUR
        window = calls.between(max(0, end - TERMS.window_calls), end)
        drifted = _drifted(baseline, window.features(projection))
        alarms += bool(drifted - known)
        known = drifted
    return alarms


def _calls_until_alarm(rng: Rng, texts: Texts, traffic: Traffic) -> int:
    """Return after how many calls of a shift the alarm comes; one more than wanted if none does."""
    baseline, projection = _baseline(rng, texts)
    hour = int(rng.integers(24))
    before = _simulate(rng, texts, QUIET, TERMS.window_calls, first_hour=hour)
    after = _simulate(rng, texts, traffic, WITHIN_CALLS, first_hour=hour + LOOKS)
    for look in range(1, LOOKS + 1):
        calls = look * CALLS_AN_HOUR
        window = _joined(before, after.between(0, calls)).last(TERMS.window_calls)
        if _drifted(baseline, window.features(projection)):
            return calls
    return WITHIN_CALLS + 1


def _drifted(baseline: FeatureValues, window: FeatureValues) -> frozenset[str]:
    look = compare(baseline, window, look_share(HOUR, TERMS.false_alarms), TERMS.min_psi)
    return frozenset(each.name for each in look.drifted)


def _baseline(rng: Rng, texts: Texts) -> tuple[FeatureValues, EmbeddingProjection]:
    """Return the features of a baseline of a day, as the product makes it."""
    day = _simulate(rng, texts, QUIET, TERMS.baseline_hours * CALLS_AN_HOUR, first_hour=0)
    calls = day.at(spread_evenly(len(day.vectors), TERMS.baseline_calls))
    fitted, projected = fit_and_project(MODEL, "input", calls.vectors)
    values = calls.values()
    return replace(values, numbers={**values.numbers, **projected}), fitted


def _simulate(rng: Rng, texts: Texts, traffic: Traffic, count: int, first_hour: int) -> Calls:
    hours = first_hour + np.arange(count) / CALLS_AN_HOUR
    busy = 1 + 0.1 * np.sin(2 * math.pi * hours / 24)
    away = rng.random(count) < traffic.elsewhere
    home_at = rng.integers(len(texts.home), size=count)
    away_at = rng.integers(len(texts.away), size=count)
    lengths = np.where(away, texts.away_lengths[away_at], texts.home_lengths[home_at])
    return Calls(
        np.where(away[:, None], texts.away[away_at], texts.home[home_at]),
        {
            "input length": np.round(lengths * traffic.words),
            "output length": np.round(rng.lognormal(math.log(traffic.answer), 0.6, count)),
            "latency": np.round(busy * rng.lognormal(math.log(traffic.latency), 0.5, count)),
            "cost": np.round(rng.lognormal(math.log(traffic.cost), 0.7, count)),
        },
        {
            "language": _marked(rng, traffic.german, "de", "en", count),
            "refused": _marked(rng, traffic.refused, "yes", "no", count),
            "failed": _marked(rng, traffic.failed, "yes", "no", count),
            "citations": _marked(rng, traffic.uncited, "no", "yes", count),
            "unsafe": _marked(rng, traffic.unsafe, "yes", "no", count),
        },
    )


def _marked(rng: Rng, chance: float, marked: str, other: str, count: int) -> NDArray[np.str_]:
    return np.where(rng.random(count) < chance, marked, other)


def _joined(first: Calls, second: Calls) -> Calls:
    def join(one: Any, two: Any) -> Any:
        return np.concatenate((one, two))

    return Calls(
        join(first.vectors, second.vectors),
        {name: join(values, second.numbers[name]) for name, values in first.numbers.items()},
        {name: join(values, second.categories[name]) for name, values in first.categories.items()},
    )


def _texts() -> Texts:
    home = [*_questions("manpages"), *_questions("python-faq")]
    away = _questions("wordnet")[:800]
    embedder = Embedder(CACHE / MODEL, MODEL)
    return Texts(
        np.asarray(embedder.embed(home), np.float32),
        np.array([len(text) for text in home], np.float64),
        np.asarray(embedder.embed(away), np.float32),
        np.array([len(text) for text in away], np.float64),
    )


def _questions(name: str) -> list[str]:
    lines = (DATA / f"{name}.jsonl").read_text().splitlines()
    return [found["text"] for found in map(json.loads, lines) if "text" in found]
