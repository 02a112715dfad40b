"""Rollouts: how a version takes over from the one that is live, as asked for, stored and shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import AnyJson, Contract, HttpInput
from chalicelib.contracts.captures import subject_key
from chalicelib.contracts.receipts import Dollars, Receipt
from chalicelib.contracts.rollout_weights import EndpointWeights

MAX_STAGES = 10
MAX_GUARDS = 8
MAX_DWELL_SECONDS = 30 * 24 * 3600
MAX_ROLLOUT_SECONDS = 60 * 24 * 3600
"""An execution has 25,000 events of history, and each look at the calls takes some of them.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""
MAX_WINDOW_SECONDS = 3_600
MAX_SMOKE_REQUESTS = 20
MAX_NAME_CHARACTERS = 256
MAX_WINDOWS_SHOWN = 50

SubjectKind = Literal["prompt", "model", "retrieval"]
Arm = Literal["live", "candidate"]
GuardMetric = Literal[
    "errors",
    "refusals",
    "unsupported",
    "unsafe",
    "bad_ratings",
    "slow",
    "latency",
    "cost",
    "preference",
]
"""Shares of calls: `errors` that failed, `refusals`, `unsupported` answers, `unsafe` ones, `slow`
ones that took longer than `threshold_ms`. `bad_ratings` are a share of ratings. Ratios to the live
version: `latency` and `cost` of a call. In shadow stages a model judges both answers to a call:
`preference` is how often it prefers the live version's, where it prefers either."""
RATIO_METRICS: frozenset[GuardMetric] = frozenset({"latency", "cost"})
RolloutStatus = Literal["preparing", "running", "waiting", "promoted", "rolled_back"]
"""`preparing` before any user meets the candidate, `waiting` for a person's approval."""
OPEN_ROLLOUT: frozenset[RolloutStatus] = frozenset({"preparing", "running", "waiting"})
Stopper = Literal["guard", "person", "smoke", "failure"]
GuardVerdict = Literal["worse", "not_worse", "open"]
"""`worse` by more than the margin, or `not_worse` by that much, is proven; else it is `open`."""

VersionName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Subject(HttpInput):
    """The thing whose version changes.

    `name` is a prompt, the model name that callers give, or a collection whose retrieval setting
    changes. Of a prompt, `label` is the label that moves; calls that name it take part.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "properties": {"kind": {"const": "prompt"}, "label": {"minLength": 1}},
                    "required": ["label"],
                },
                {
                    "properties": {
                        "kind": {"enum": ["model", "retrieval"]},
                        "label": {"maxLength": 0},
                    }
                },
            ]
        }
    )

    kind: SubjectKind
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS, pattern=r"^[^#@\s]+$")
    label: str = Field(default="", max_length=63, pattern=r"^([a-z][a-z0-9_-]*)?$")

    @model_validator(mode="after")
    def _label_of_prompt(self) -> Self:
        if self.kind != "prompt" and self.label:
            raise PydanticCustomError("label", "only a prompt has labels; leave it out")
        if self.kind == "prompt" and not self.label:
            raise PydanticCustomError("label", "name the label that moves, such as 'production'")
        return self

    @property
    def key(self) -> str:
        """Return what names the subject among those of its tenant, such as `prompt#faq@live`."""
        return subject_key(self.kind, self.name, self.label)


class RolloutStage(HttpInput):
    """A stage: how many end users meet the candidate, for how long, and what has it go on.

    `shadow` has captured calls answered by the candidate as well, in the background. A stage ends
    at the earliest after `dwell_seconds` and `min_calls` calls of each arm. After
    `max_dwell_seconds` without proof a person is asked. With `approval` a person is always asked.
    """

    share: Percent
    shadow: bool = False
    dwell_seconds: int = Field(default=3_600, ge=0, le=MAX_DWELL_SECONDS)
    max_dwell_seconds: int = Field(default=7 * 24 * 3600, ge=1, le=MAX_DWELL_SECONDS)
    min_calls: int = Field(default=50, ge=0, le=1_000_000)
    approval: bool = False

    @model_validator(mode="after")
    def _dwells_in_order(self) -> Self:
        if self.max_dwell_seconds < self.dwell_seconds:
            raise PydanticCustomError(
                "dwell", "max_dwell_seconds must be at least dwell_seconds; raise it"
            )
        if self.shadow and self.share:
            raise PydanticCustomError(
                "shadow", "a shadow stage serves nobody; its share is 0, the next stage's is more"
            )
        if not self.shadow and not self.share:
            raise PydanticCustomError("share", "a stage without a share has to be a shadow stage")
        return self


class Guard(HttpInput):
    """A metric in which the candidate must not be worse than the live one by over `margin`.

    The margin of a share is a difference, so 0.05 allows 7 % errors where there were 2 %; that of a
    ratio is relative, so 0.25 allows latency 25 % above; that of a preference is what a half may be
    exceeded by. Only a guard that is `required` has to be
    proven kept before a stage ends; every guard that is proven broken rolls back.
    """

    metric: GuardMetric
    margin: float = Field(gt=0, le=10, allow_inf_nan=False)
    required: bool = True
    threshold_ms: int | None = Field(default=None, ge=1, le=900_000)

    @model_validator(mode="after")
    def _fits_its_metric(self) -> Self:
        if self.metric not in RATIO_METRICS and self.margin >= 1:
            raise PydanticCustomError("margin", "the margin of a share of calls is below 1")
        if self.metric == "preference" and self.margin >= 0.5:
            raise PydanticCustomError("margin", "the margin of a preference is below 0.5")
        if (self.metric == "slow") != (self.threshold_ms is not None):
            raise PydanticCustomError(
                "threshold_ms", "a guard on slow calls names threshold_ms, and no other does"
            )
        return self


class SmokeRequest(HttpInput):
    """A request that the candidate has to answer before any user meets it.

    `input` is what a captured call of the subject would hold: `variables` of a prompt, `call` of a
    model, `question` of a retrieval. The answer has to hold `expect`, in any case of its letters.
    """

    input: dict[str, AnyJson] = Field(min_length=1)
    expect: str = Field(default="", max_length=1_000)


DEFAULT_STAGES = (
    RolloutStage(share=0, shadow=True),
    RolloutStage(share=5),
    RolloutStage(share=25),
    RolloutStage(share=100),
)


class CreateRolloutRequest(HttpInput):
    """`POST /v1/rollouts`: let `to` take over from the live version of `subject`.

    `live` is the version that has to be live now; left out, it is whichever is. Without `stages`
    they are 5, 25 and 100 %, after a shadow stage if a monitor samples the subject's calls. Without
    `guards`, those of the subject's kind are taken. Calls are looked at every `window_seconds`, in
    long stages less often. `shadow_budget` bounds what shadow answers may cost.
    """

    subject: Subject
    to: VersionName
    live: VersionName | None = None
    stages: tuple[RolloutStage, ...] | None = Field(
        default=None, min_length=1, max_length=MAX_STAGES
    )
    guards: tuple[Guard, ...] | None = Field(default=None, min_length=1, max_length=MAX_GUARDS)
    smoke: tuple[SmokeRequest, ...] = Field(default=(), max_length=MAX_SMOKE_REQUESTS)
    window_seconds: int = Field(default=300, ge=1, le=MAX_WINDOW_SECONDS)
    shadow_budget: Annotated[Dollars, Field(ge=0, le=10_000)] = Decimal(1)
    description: str = Field(default="", max_length=256)


class DecideRolloutRequest(HttpInput):
    """`POST /v1/rollouts/{rollout_id}/approve`, `…/reject` and `…/abort`: `reason` is recorded."""

    reason: str = Field(default="", max_length=500)


class LivePointer(Contract):
    """Who answers calls of a subject while a rollout runs; there is one a subject at most.

    It holds as long as no `RolloutStop` names its rollout and the subject's own version is still
    `live`: who moves a label by hand overrules the rollout. The arm of an end user results from
    `salt`, which is the rollout's id. `share` is in percent; with `shadow` it is 0. `live_as` names
    the variant that answers for `live` while the rollout moves an endpoint's weights, or is "".
    """

    subject: Subject
    rollout_id: str
    live: VersionName
    to: VersionName
    live_as: str = ""
    share: Percent = 0
    shadow: bool = False
    salt: str
    stage: int = Field(default=0, ge=0)
    revision: int = Field(default=1, ge=1)


class LiveChoice(Contract):
    """The version that a rollout of a model or of a retrieval was promoted to.

    Calls that name the model, or ask the collection, are answered by `version` from then on. A
    prompt has none: its label moves.
    """

    subject: Subject
    version: VersionName
    rollout_id: str
    since: AwareDatetime


class RolloutStop(Contract):
    """Takes all traffic from the candidate of a rollout, from the moment that it is written."""

    tenant: str
    rollout_id: str
    by: Stopper
    reason: str
    at: AwareDatetime


class CallMetrics(Contract):
    """The metrics of one call in one arm, None where a metric was not measured.

    `call_id` is the captured call's; in a shadow stage both arms have one observation of it.
    `end_user` is a hash of who asked, "" where that is not known.
    """

    call_id: str
    arm: Arm
    at: AwareDatetime
    error: bool
    refused: bool | None = None
    unsupported: bool | None = None
    unsafe: bool | None = None
    preferred: Arm | Literal["tie"] | None = None
    end_user: str = ""
    latency_ms: int | None = Field(default=None, ge=0)
    nanodollars: int | None = Field(default=None, ge=0)


class ShadowObservation(Contract):
    """How the candidate answered a captured call, or a smoke request, in the background.

    `receipt` is what that cost. `preferred` is the arm whose answer a judge found better, `tie` for
    neither, None where none judged. `reason` says why the candidate failed, or what a judge said.
    """

    metrics: CallMetrics
    receipt: Receipt | None = None
    preferred: Literal["live", "candidate", "tie"] | None = None
    reason: str = Field(default="", max_length=1_000)


class ArmCounts(Contract):
    """How many observations of an arm measured a metric, and in how many the event happened."""

    calls: int = Field(default=0, ge=0)
    events: int = Field(default=0, ge=0)


class GuardEvidence(Contract):
    """What a stage has seen of one guard.

    Of a share, `live` and `candidate` count calls and events. Of a ratio, `candidate` counts pairs
    of one call of each arm, and as events those in which the candidate's is above the live one's by
    more than the margin; of a preference, judged pairs, and those that the live version won.
    `log_worse` and `log_not_worse` are the natural logarithms of the evidence (e-values) for either
    side; a side is proven at `-log(alpha)`.
    """

    guard: Guard
    live: ArmCounts = ArmCounts()
    candidate: ArmCounts = ArmCounts()
    log_worse: float = 0.0
    log_not_worse: float = 0.0
    verdict: GuardVerdict = "open"


class StageReport(Contract):
    """One stage, once it has begun: calls by arm, and the evidence of each guard."""

    stage: int = Field(ge=0)
    share: Percent
    shadow: bool
    began_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    live_calls: int = Field(default=0, ge=0)
    candidate_calls: int = Field(default=0, ge=0)
    evidence: tuple[GuardEvidence, ...] = ()
    approved_by: str = ""
    note: str = ""


class ObservationWindow(Contract):
    """What one tick of a rollout looked at: the captured calls since the tick before."""

    number: int = Field(ge=1)
    stage: int = Field(ge=0)
    at: AwareDatetime
    live_calls: int = Field(ge=0)
    candidate_calls: int = Field(ge=0)
    verdicts: dict[GuardMetric, GuardVerdict] = Field(default_factory=dict)
    decision: str


class RolloutView(Contract):
    """A rollout, as `GET /v1/rollouts/{rollout_id}` shows it.

    `stage` counts from 0. `reason` says why it waits or how it ended. `reports` has the stages that
    have begun, `windows` the last looks, newest last. `receipt` is what shadow answers cost.
    `weights` are those of an endpoint's variants, if the rollout moves them.
    """

    rollout_id: str
    status: RolloutStatus
    reason: str = ""
    subject: Subject
    live: VersionName
    to: VersionName
    stages: tuple[RolloutStage, ...]
    guards: tuple[Guard, ...]
    stage: int = Field(ge=0)
    reports: tuple[StageReport, ...] = ()
    windows: tuple[ObservationWindow, ...] = ()
    smoke: tuple[SmokeRequest, ...] = ()
    window_seconds: int = Field(ge=1)
    shadow_budget: Dollars
    receipt: Receipt | None = None
    weights: EndpointWeights | None = None
    description: str = ""
    created_at: AwareDatetime
    updated_at: AwareDatetime
    ended_at: AwareDatetime | None = None


class RolloutList(Contract):
    """One page of rollouts, newest first; `next_cursor` is opaque, and None at the end."""

    items: tuple[RolloutView, ...]
    next_cursor: str | None
