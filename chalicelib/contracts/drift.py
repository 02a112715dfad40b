"""Reports of monitoring: what a look at captured calls found, and the event of drift."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.captures import CaptureSubject
from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.receipts import Receipt

WatchStatus = Literal["no_calls", "collecting", "too_few", "steady", "drifted"]
"""`no_calls`: nothing new was captured since the last look. `collecting`: the version has not been
captured long enough, or not often enough, for a baseline. `too_few`: too few calls follow it.
"""


class FeatureReport(Contract):
    """One feature of the newest calls against the baseline.

    `baseline` and `window` are means of numbers, or shares of `category`. `psi` is the population
    stability index, `p_value` the chance of such a difference without a change, not corrected.
    """

    name: str
    kind: Literal["number", "category"]
    category: str = ""
    baseline: float
    window: float
    psi: float
    p_value: float = Field(ge=0, le=1)
    drifted: bool


class AnswerQuality(Contract):
    """How many of a sample of answers passed their graders, now and when the version was new.

    `p_value` is that of as different a share without a change; 1 for the first look that grades.
    """

    calls: int = Field(ge=0)
    passed: int = Field(ge=0)
    baseline_calls: int = Field(ge=0)
    baseline_passed: int = Field(ge=0)
    p_value: float = Field(default=1.0, ge=0, le=1)
    drifted: bool = False


class DriftReport(Contract):
    """A drift report: the comparison of the newest calls with the baseline of their version.

    Attributes:
        run_id: The run of the schedule that looked.
        version: The newest version of the subject, "" if nothing is captured.
        baseline_calls: The calls of the baseline, 0 if there is none yet.
        window_calls: The newest calls that were compared.
        first_call: The id of the first call of the window.
        last_call: The id of the last one.
        level: The p-value below which a feature counts as changed in this look.
        features: The features, most certain change first.
        drifted: The names of those that have drifted.
        news: Those that had not drifted in the look before.
        quality: What graders said of a sample of the answers, None without them. A drop counts as
            a feature named `quality`.
        receipt: What the look cost.
    """

    monitor: str
    subject: CaptureSubject
    run_id: str
    time: AwareDatetime
    status: WatchStatus
    version: str = ""
    baseline_calls: int = Field(default=0, ge=0)
    window_calls: int = Field(default=0, ge=0)
    first_call: str = ""
    last_call: str = ""
    level: float = Field(default=0.0, ge=0, le=1)
    features: tuple[FeatureReport, ...] = ()
    drifted: tuple[str, ...] = ()
    news: tuple[str, ...] = ()
    quality: AnswerQuality | None = None
    receipt: Receipt = Receipt()


class DriftDetected(BusEvent):
    """Features of a subject's calls have drifted that had not before; `news` names them.

    `features` are all that have drifted. The report lies where the run of the schedule wrote it.
    An event is published at least once for each `run_id`.
    """

    detail_type: ClassVar[str] = "drift.detected"

    tenant: str
    monitor: str
    subject: CaptureSubject
    version: str
    schedule: str
    run_id: str
    news: tuple[str, ...]
    features: tuple[FeatureReport, ...]
    results: tuple[str, ...] = ()
    correlation_id: str
    time: AwareDatetime
