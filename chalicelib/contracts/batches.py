"""Batches: files of calls, what becomes of each, and what the steps of their machine pass on.

Items and outcomes are objects in S3; states carry numbers and offsets. The objects of a batch lie
under `jobs/{tenant}/{job_id}/`: `chalicelib/batches/storage.py` names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.budgets import Charge, Reservation
from chalicelib.contracts.generations import ServiceTier
from chalicelib.contracts.receipts import Dollars, Receipt
from chalicelib.contracts.uploads import PresignedUpload

MAX_ITEMS = 50_000
MAX_INPUT_BYTES = 200 * 1024 * 1024
"""OpenAI's size limit of a batch. https://platform.openai.com/docs/guides/batch"""
MAX_LINE_BYTES = 4 * 1024 * 1024
MAX_ID_CHARACTERS = 128
MAX_DEADLINE_SECONDS = 6 * 24 * 3600
"""The files of a job are kept for seven days."""
ULID = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"

BatchForm = Literal["own", "openai"]
BatchPhase = Literal["preparing", "estimated", "queueing", "generating", "reducing", "done"]


class OpenAIOrder(Contract):
    """Fields of a batch that are returned to the OpenAI client that created it."""

    input_file_id: str
    endpoint: str
    metadata: Mapping[str, str] = Field(default_factory=dict)


class BatchOrder(Contract):
    """The order of a batch: which models may answer, until when, and by whose key.

    `keep_truncated` counts an answer that was cut off at its limit as done. `key` is the id of the
    API key, whose budget is spent. `openai` is there where an OpenAI client asked. `single` says
    that it is one call, which the machine `generate` answers.
    """

    model: str = "auto"
    quality: int = 1
    service_tier: ServiceTier = "standard"
    checks: tuple[str, ...] = ()
    fallback: bool = True
    deadline: AwareDatetime
    confirm: bool = False
    keep_truncated: bool = False
    key: str = ""
    openai: OpenAIOrder | None = None
    single: bool = False


class CreateBatchUploadRequest(HttpInput):
    """`POST /v1/generations/batches/uploads`: how many bytes the file has."""

    bytes: int = Field(ge=1, le=MAX_INPUT_BYTES)


class BatchUpload(Contract):
    """Where to send the file, and the id that the batch is then begun with."""

    batch_id: str
    upload: PresignedUpload
    expires_at: AwareDatetime


class CreateBatchRequest(HttpInput):
    """`POST /v1/generations/batches`: begin the batch whose file was uploaded as `batch_id`.

    A line may name its own model; `model` is for those that do not. With `confirm` nothing is spent
    until the job is resumed, which shows its estimate meanwhile.
    """

    batch_id: str = Field(pattern=ULID)
    model: str = "auto"
    quality: int = Field(default=1, ge=1, le=5)
    service_tier: ServiceTier = "standard"
    checks: tuple[str, ...] = ()
    fallback: bool = True
    deadline_seconds: int = Field(default=24 * 3600, ge=1, le=MAX_DEADLINE_SECONDS)
    confirm: bool = False
    keep_truncated: bool = False


class ItemError(Contract):
    """Why an item has no result, as errors are told elsewhere."""

    type: str
    message: str
    field: str | None = None
    limit: str | None = None


class ItemRef(Contract):
    """One line of `items.jsonl`: item `n` is `length` bytes from `start` on in `input.jsonl`, or in
    `rendered.jsonl` where it was `rendered` from a prompt.

    `n` counts the lines that are not empty, from 0, those that were turned down among them.
    """

    n: int = Field(ge=0)
    id: str
    start: int = Field(ge=0)
    length: int = Field(ge=1)
    rendered: bool = False


class PromptUsed(Contract):
    """The version of a prompt that a line was rendered by."""

    name: str
    version: int = Field(ge=1)


class PinnedPrompt(PromptUsed):
    """A prompt that lines of a batch name as `wanted`, by a number, a label or `latest`. Its
    version was looked up once, and is that of all of them, whatever the label points to since.
    """

    wanted: str


class RejectedLine(Contract):
    """One line of `rejected.jsonl`: a line that is no item, as `errors.jsonl` tells it."""

    n: int = Field(ge=0)
    line: Mapping[str, Any]


class ItemOutcome(Contract):
    """The outcome of an item: its line of the result, and its cost.

    `charges` are what the receipt's calls were taken off, so that a budget whose keeper was killed
    can be settled by them.
    """

    n: int = Field(ge=0)
    failed: bool = False
    line: Mapping[str, Any]
    receipt: Receipt = Receipt()
    charges: tuple[Charge, ...] = ()


class PathEstimate(Contract):
    """One way to have a batch answered: the most that it costs, and why it cannot be gone.

    `dollars` is None where the way cannot be gone or has no price.
    """

    service_tier: ServiceTier
    dollars: Dollars | None = None
    reason: str = ""


class ModelEstimate(Contract):
    """The items for one choice of models: the first that is asked, and the most that they use."""

    wanted: str
    model: str = ""
    items: int = Field(ge=0)
    tokens_in: int = Field(ge=0)
    tokens_out: int = Field(ge=0)
    images: int = Field(default=0, ge=0)
    paths: tuple[PathEstimate, ...] = ()
    words: tuple[str, ...] = ()


class BatchEstimate(Contract):
    """The most that a batch uses and costs, estimated before anything is spent.

    Input tokens are estimated and never too few; output tokens are all that may be written.
    `dollars` is by the paths that are gone, if the first model answers every item at its first
    try. `dollars_bound` is the most that a round costs: every model of every route is asked, with
    the repair of invalid JSON, as often as a call that was paid for is repeated. Models without a
    price are in neither. `seconds` is about how long it takes.
    """

    items: int = Field(default=0, ge=0)
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    images: int = Field(default=0, ge=0)
    dollars: Dollars = Decimal(0)
    dollars_bound: Dollars = Decimal(0)
    seconds: int = Field(default=0, ge=0)
    models: tuple[ModelEstimate, ...] = ()


class ChildrenUsed(Contract):
    """Resources of the children of a Map: their number, and their functions' time."""

    children: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
    gb_seconds: float = Field(default=0.0, ge=0)


class ServiceJob(Contract):
    """A batch job of Bedrock that answers items at a lower price, and when it is stopped.

    `factor` is that of the price, by route and batch. While `arn` is empty, nothing was asked for,
    or its answer was lost. `reservation` was made by the job's `attempt`.
    """

    model: str
    model_id: str
    factor: Decimal
    nanodollars: int = Field(ge=0)
    stop_at: AwareDatetime
    arn: str = ""
    reservation: Reservation | None = None
    attempt: int = Field(default=0, ge=0)
    stopping: bool = False


class RoundsCheckpoint(Contract):
    """Where a job is whose items a Map works on in rounds.

    `key` is the file of items that the Map reads in this round. `idle` counts the rounds in a row
    that brought nothing. `epoch` counts the times that failed items were tried anew: only the
    failures of the last count. `halted` says why items are left that could not be asked for.
    `receipt` is what the models cost, once all outcomes were read.
    """

    items: int = Field(default=0, ge=0)
    key: str = ""
    round: int = Field(default=0, ge=0)
    idle: int = Field(default=0, ge=0)
    epoch: int = Field(default=0, ge=0)
    missing: int = Field(default=0, ge=0)
    estimate: BatchEstimate | None = None
    used: ChildrenUsed = ChildrenUsed()
    halted: ItemError | None = None
    receipt: Receipt | None = None


class BatchCheckpoint(RoundsCheckpoint):
    """Where a batch is: the checkpoint of its job.

    `service_job` is the job of Bedrock that was chosen. `prompts` are what lines were rendered by.
    """

    phase: BatchPhase = "preparing"
    form: BatchForm = "own"
    rejected: int = Field(default=0, ge=0)
    service_job: ServiceJob | None = None
    words: tuple[str, ...] = ()
    prompts: tuple[PinnedPrompt, ...] = ()


class GenerateItemsInput(Contract):
    """Input of a child of the Map, beside its items."""

    tenant: str
    job_id: str
    attempt: int = Field(ge=1)
    bucket: str
    correlation_id: str
    epoch: int = Field(ge=0)


class GenerateItemsRequest(Contract):
    """The input of `generate_items`, as a Map with an ItemBatcher writes it."""

    items: tuple[ItemRef, ...] = Field(alias="Items", min_length=1)
    given: GenerateItemsInput = Field(alias="BatchInput")


class GenerateItemsResult(Contract):
    """The output of `generate_items`. `left` items have no outcome yet; `halted` says why, where
    asking for more of them would not help now.
    """

    done: int = Field(ge=0)
    failed: int = Field(ge=0)
    left: int = Field(ge=0)
    seconds: float = Field(ge=0)
    gb_seconds: float = Field(ge=0)
    halted: ItemError | None = None


class BatchSummary(Contract):
    """`summary.json`: counts that add up, what was spent, and the estimate beside it."""

    job_id: str
    tenant: str
    created_at: AwareDatetime
    counts: Mapping[str, int]
    receipt: Receipt
    estimate: BatchEstimate
    words: tuple[str, ...]
    prompts: tuple[PinnedPrompt, ...] = ()
