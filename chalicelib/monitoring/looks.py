"""One look of a monitor at the newest calls of its subject."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import numpy as np

from chalicelib.contracts.drift import DriftReport, FeatureReport, WatchStatus
from chalicelib.contracts.receipts import Receipt, ReceiptLine, dollars
from chalicelib.generation.catalogue import LAMBDA
from chalicelib.monitoring.baselines import Baseline
from chalicelib.monitoring.drift import FeatureDrift, compare, look_share
from chalicelib.monitoring.features import (
    MIN_VECTORS,
    EmbeddingProjection,
    FeatureValues,
    asked_text,
    call_features,
    fit_and_project,
)

if TYPE_CHECKING:
    from chalicelib.contracts.captures import CapturedCall, CaptureSubject
    from chalicelib.contracts.functions.embed_text import EmbedTextResult
    from chalicelib.contracts.monitors import Monitor
    from chalicelib.monitoring.features import Vectors
    from chalicelib.monitoring.two_samples import Sample
    from chalicelib.monitoring.watched_calls import WatchedCalls

TEXTS_A_CALL = 50
EMBEDDED_CHARACTERS = 2_000
"""The beginning of a text that is embedded; the model reads 256 tokens."""
MIN_WINDOW = 50
"""The fewest calls behind the baseline that are compared."""


class WatchEmbedder(Protocol):
    """Embeds texts."""

    def embed(
        self, texts: Sequence[str], correlation_id: str, model: str = "", *, truncate: bool = True
    ) -> EmbedTextResult:
        """Return one vector a text, in order."""


class BaselineStore(Protocol):
    """Stores baselines by tenant, subject and version."""

    def baseline(
        self, tenant: str, subject: CaptureSubject, version: str, now: datetime
    ) -> bytes | None:
        """Return the stored baseline of a version, or None; one that is in use does not expire."""

    def put_baseline(
        self, tenant: str, subject: CaptureSubject, version: str, body: bytes, now: datetime
    ) -> None:
        """Store the baseline of a version, in place of one before."""


@dataclass(frozen=True, slots=True)
class GivenBaseline:
    """A baseline of a version from elsewhere, in place of one of its captured calls.

    Attributes:
        version: The version.
        source: Where it comes from; a baseline from elsewhere is replaced.
        read: Returns the values of its features, or calls to take them and their embeddings of.
        features: The features that its calls tell.
    """

    version: str
    source: str
    read: Callable[[], FeatureValues | Sequence[CapturedCall]]
    features: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class LookRequest:
    """One look: whose, of what, and since when.

    Attributes:
        tenant: The tenant.
        monitor: The monitor.
        source: Where the calls come from: `captures`, or the URI of files.
        calls: The calls of the subject.
        before: The report of the look before, None at the first one.
        before_of: Returns the report of the last look that compared calls of a version.
        run_id: The run that looks.
        now: The time now.
        correlation_id: The id that calls of functions carry.
        given: What a version's baseline is to be made of, None for its captured calls.
    """

    tenant: str
    monitor: Monitor
    source: str
    calls: WatchedCalls
    before: DriftReport | None
    before_of: Callable[[str], DriftReport | None]
    run_id: str
    now: datetime
    correlation_id: str
    given: GivenBaseline | None = None


@dataclass(frozen=True, slots=True)
class LookResult:
    """The report of a look, and the values that its plots are made of."""

    report: DriftReport
    baseline: Baseline | None = None
    window: FeatureValues | None = None
    calls: tuple[CapturedCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Watcher:
    """Looks at the newest calls of a subject, and makes the baseline of a new version.

    Attributes:
        embedder: Embeds inputs and outputs.
        baselines: Stores baselines.
        cost: Returns the price of the embedding function for some seconds, in nano-dollars.
    """

    embedder: WatchEmbedder
    baselines: BaselineStore
    cost: Callable[[float], int]

    def look(self, request: LookRequest) -> LookResult:
        """Compare the newest calls with the baseline of their version.

        Raises:
            Transient, Throttled, ModelFailure: texts could not be embedded.
        """
        version = request.calls.version(request.monitor.window_calls)
        if not version:
            return LookResult(_report(request, "no_calls"))
        spent = _Spent(self.cost)
        monitor = request.monitor
        stored = self.baselines.baseline(request.tenant, monitor.subject, version, request.now)
        baseline = None if stored is None else Baseline.from_bytes(stored)
        given = _given(request, version)
        if baseline is not None and given is not None and baseline.source != given.source:
            baseline = None
        if baseline is None:
            baseline = self._new_baseline(request, version, spent)
        if baseline is None:
            return LookResult(_report(request, "collecting", version))
        report = _report(request, "too_few", version)
        report = report.model_copy(
            update={"baseline_calls": baseline.values.calls, "receipt": spent.receipt()}
        )
        calls = request.calls.window(version, baseline.last_id, monitor.window_calls)
        if len(calls) < min(MIN_WINDOW, monitor.window_calls):
            return LookResult(report, baseline, None, tuple(calls))
        before, own = request.before, request.before_of(version)
        if before is not None and own is not None and own.last_call == calls[-1].id:
            # Nothing new: no false alarm is spent, and the next look may spend this time's.
            unchanged = {
                "news": (),
                "run_id": request.run_id,
                "time": before.time,
                "receipt": Receipt(),
            }
            return LookResult(own.model_copy(update=unchanged), baseline)
        window = call_features(calls)
        projected = self._projected(request, calls, baseline.projections, spent)
        window = replace(window, numbers={**window.numbers, **projected})
        share = look_share(_elapsed(request, baseline), monitor.false_alarms)
        look = compare(baseline.values, window, share, monitor.min_psi)
        drifted = tuple(each.name for each in look.drifted)
        known = own.drifted if own is not None else ()
        report = report.model_copy(
            update={
                "status": "drifted" if drifted else "steady",
                "window_calls": len(calls),
                "first_call": calls[0].id,
                "last_call": calls[-1].id,
                "level": look.level,
                "features": tuple(map(_feature, look.features)),
                "drifted": drifted,
                "news": tuple(name for name in drifted if name not in known),
                "receipt": spent.receipt(),
            }
        )
        return LookResult(report, baseline, window, tuple(calls))

    def _new_baseline(self, request: LookRequest, version: str, spent: _Spent) -> Baseline | None:
        """Make and store the baseline of a version, None if it is too early for one."""
        monitor, given = request.monitor, _given(request, version)
        calls: Sequence[CapturedCall] = ()
        if given is None:
            calls = request.calls.baseline(version, monitor.baseline_hours, monitor.baseline_calls)
            if not calls:
                return None
            values = call_features(calls)
        else:
            read = given.read()
            calls = () if isinstance(read, FeatureValues) else read
            values = read if isinstance(read, FeatureValues) else _told(read, given.features)
        numbers, projections = dict(values.numbers), dict[str, EmbeddingProjection]()
        for name, texts in _texts(calls).items():
            if len(texts) >= 2 * MIN_VECTORS:
                vectors, model = self._embed(texts, request.correlation_id, "", spent)
                projections[name], projected = fit_and_project(model, name, vectors)
                numbers |= projected
        baseline = Baseline(
            subject=monitor.subject,
            version=version,
            first_id=calls[0].id if calls else "",
            last_id=calls[-1].id if calls else "",
            created_at=request.now,
            source=request.source if given is None else given.source,
            values=replace(values, numbers=numbers),
            projections=projections,
        )
        self.baselines.put_baseline(
            request.tenant, monitor.subject, version, baseline.to_bytes(), request.now
        )
        return baseline

    def _projected(
        self,
        request: LookRequest,
        calls: Sequence[CapturedCall],
        projections: Mapping[str, EmbeddingProjection],
        spent: _Spent,
    ) -> dict[str, Sample]:
        numbers: dict[str, Sample] = {}
        texts = _texts(calls)
        for name, projection in projections.items():
            if len(texts[name]) >= MIN_VECTORS:
                vectors, _ = self._embed(
                    texts[name], request.correlation_id, projection.model, spent
                )
                numbers |= projection.numbers(name, vectors)
        return numbers

    def _embed(
        self, texts: Sequence[str], correlation_id: str, model: str, spent: _Spent
    ) -> tuple[Vectors, str]:
        found: list[tuple[float, ...]] = []
        for start in range(0, len(texts), TEXTS_A_CALL):
            some = texts[start : start + TEXTS_A_CALL]
            result = self.embedder.embed(some, correlation_id, model, truncate=True)
            spent.add(result)
            found += result.vectors
            model = result.model
        return np.array(found, np.float32), model


class _Spent:
    """What the embedding of a look cost."""

    def __init__(self, cost: Callable[[float], int]) -> None:
        self._cost = cost
        self._model, self._tokens, self._seconds, self._nanodollars = "", 0, 0.0, 0

    def add(self, result: EmbedTextResult) -> None:
        """Count one call of the embedding function."""
        self._model = result.model
        self._tokens += result.tokens
        self._seconds += result.seconds
        self._nanodollars += self._cost(result.seconds)

    def receipt(self) -> Receipt:
        """Return the receipt so far."""
        if not self._model:
            return Receipt()
        line = ReceiptLine(
            model=self._model,
            priced_as=LAMBDA,
            role="embedding",
            tokens_in=self._tokens,
            seconds=round(self._seconds, 6),
            dollars=dollars(self._nanodollars) if self._nanodollars else Decimal(0),
        )
        return Receipt.of([line])


def _told(calls: Sequence[CapturedCall], features: Collection[str]) -> FeatureValues:
    """Return the values of calls, those of the features that they tell."""
    values = call_features(calls)
    numbers = {name: each for name, each in values.numbers.items() if name in features}
    categories = {name: each for name, each in values.categories.items() if name in features}
    return replace(values, numbers=numbers, categories=categories)


def _texts(calls: Sequence[CapturedCall]) -> dict[str, list[str]]:
    """Return the texts of inputs and outputs that were kept, by `input` and `output`."""
    asked = [asked_text(call)[:EMBEDDED_CHARACTERS] for call in calls]
    said = [(call.output or "")[:EMBEDDED_CHARACTERS] for call in calls if call.outcome == "ok"]
    return {"input": [each for each in asked if each], "output": [each for each in said if each]}


def _report(request: LookRequest, status: WatchStatus, version: str = "") -> DriftReport:
    return DriftReport(
        monitor=request.monitor.name,
        subject=request.monitor.subject,
        run_id=request.run_id,
        time=request.now,
        status=status,
        version=version,
    )


def _elapsed(request: LookRequest, baseline: Baseline) -> timedelta:
    """Return the time whose false alarms a look may spend: none is spent twice.

    It is that since the last look, of whatever version: two versions share the monitor's alarms
    while they take turns. The first look that compares spends that since the baseline.
    """
    before = request.before
    since = request.now - baseline.created_at
    if before is None or before.time <= baseline.created_at:
        return max(since, FIRST_LOOK)
    if before.version == baseline.version and not before.last_call:
        return max(since, FIRST_LOOK)
    return request.now - before.time


FIRST_LOOK = timedelta(hours=1)
"""What the first look at a version spends at least, which may come right after its baseline."""


def _given(request: LookRequest, version: str) -> GivenBaseline | None:
    given = request.given
    return given if given is not None and given.version == version else None


def _feature(found: FeatureDrift) -> FeatureReport:
    return FeatureReport(
        name=found.name,
        kind=found.kind,
        category=found.category,
        baseline=round(found.baseline, 6),
        window=round(found.window, 6),
        psi=round(found.psi, 4),
        p_value=found.p_value,
        drifted=found.drifted,
    )
