"""`/v1/labelling/tasks`: queues of items that people label, and how they take and give them.

A task has items of one kind. A reviewer takes an item by a claim, and gives a label or a reason to
skip it. What a reviewer sees has neither the item's id of its maker, nor its metadata, nor the
known label of a gold item, nor what others said; of a pair it has no sides, but a first and a
second text, whose order differs from reviewer to reviewer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import Contract, HttpInput

MAX_TEXT_CHARACTERS = 10_000
"""As many as the readers of training data take."""
MAX_GUIDELINE_CHARACTERS = 20_000
MAX_COMMENT_CHARACTERS = 2_000
MAX_LABELS = 50
MAX_REVIEWS = 10
MAX_ITEMS_A_REQUEST = 100
MAX_ITEMS_A_TASK = 2_000
TASK_PATTERN = r"^lt_[0-9A-HJKMNP-TV-Z]{26}$"
ITEM_PATTERN = r"^itm_[0-9a-f]{24}$"
CLAIM_PATTERN = r"^clm_[0-9a-f]{24}_[0-9A-HJKMNP-TV-Z]{26}$"
SIDES = ("a", "b")
TIE = "tie"
POSITIONS = ("first", "second")

LabellingKind = Literal["answer", "pair", "extraction", "image"]
Measurement = Literal["nominal", "ordinal", "interval"]
TaskStatus = Literal["open", "closed", "removing"]
DecisionSource = Literal["majority", "adjudication"]

LabelName = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,64}$")]
ItemText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
CommentText = Annotated[str, Field(min_length=1, max_length=MAX_COMMENT_CHARACTERS)]
REVIEWER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,62}$"


def _reviewer(name: str) -> str:
    if re.fullmatch(REVIEWER_PATTERN, name) is None:
        raise PydanticCustomError(
            "reviewer",
            "a reviewer's name has 1 to 63 letters of English, digits, spaces, '.', '_', '@' and "
            "'-', and begins with a letter or a digit",
        )
    return name


ReviewerName = Annotated[
    str,
    AfterValidator(_reviewer),
    WithJsonSchema({"type": "string", "pattern": REVIEWER_PATTERN}),
]
ItemMetadata = Annotated[
    Mapping[
        Annotated[str, Field(min_length=1, max_length=64)], Annotated[str, Field(max_length=512)]
    ],
    Field(max_length=20),
]


class LabellingTerms(HttpInput):
    """The terms of a labelling task: its question, labels, reviews an item, and time of a claim.

    `labels` are those to choose from, least first where `measurement` is `ordinal`, numbers where
    it is `interval`; pairs have `a`, `b` and, with `ties`, `tie`. `accepted` are labels by which
    the answer, or the proposed values, of an item are right as they are. `reviews` is how many
    reviewers label an item. A claim ends after `claim_minutes`. An item that `max_skips` reviewers
    skipped is offered no more. `gold_share` is the share of gold items in what a reviewer gets.
    """

    name: str = Field(min_length=1, max_length=128)
    kind: LabellingKind
    guidelines: str = Field(min_length=1, max_length=MAX_GUIDELINE_CHARACTERS)
    labels: Annotated[
        tuple[LabelName, ...], Field(max_length=MAX_LABELS, validate_default=True)
    ] = ()
    measurement: Measurement = "nominal"
    accepted: Annotated[tuple[LabelName, ...], Field(max_length=MAX_LABELS)] = ()
    ties: bool = True
    reviews: int = Field(default=3, ge=1, le=MAX_REVIEWS)
    claim_minutes: int = Field(default=30, ge=1, le=1_440)
    max_skips: int = Field(default=3, ge=1, le=MAX_REVIEWS)
    gold_share: float = Field(default=0.1, ge=0, le=0.5, allow_inf_nan=False)
    retention_days: int = Field(default=365, ge=1, le=3_650)

    @field_validator("labels")
    @classmethod
    def _labels_fit_the_kind(
        cls, labels: tuple[str, ...], given: ValidationInfo
    ) -> tuple[str, ...]:
        if given.data.get("kind") == "pair":
            if labels:
                raise PydanticCustomError("labels", "pairs are labelled a, b or tie: leave it out")
        elif len(labels) < 2 or len(set(labels)) < len(labels):
            raise PydanticCustomError("labels", "there are 2 labels at least, each once")
        return labels

    @field_validator("measurement")
    @classmethod
    def _measures_the_labels(cls, measurement: Measurement, given: ValidationInfo) -> Measurement:
        if measurement != "nominal" and given.data.get("kind") == "pair":
            raise PydanticCustomError("measurement", "the measurement of pairs is nominal")
        if measurement == "interval" and not all(map(_is_number, given.data.get("labels", ()))):
            raise PydanticCustomError("measurement", "labels of an interval are numbers, as 1.5")
        return measurement

    @field_validator("accepted")
    @classmethod
    def _accepts_some_labels(
        cls, accepted: tuple[str, ...], given: ValidationInfo
    ) -> tuple[str, ...]:
        if not set(accepted) <= set(given.data.get("labels", ())):
            raise PydanticCustomError("accepted", "accepted labels are some of the labels")
        return accepted

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the labels that an item can have."""
        if self.kind == "pair":
            return (*SIDES, TIE) if self.ties else SIDES
        return self.labels


def _is_number(label: str) -> bool:
    whole, _, fraction = label.removeprefix("-").partition(".")
    return all(part.isascii() and part.isdigit() for part in (whole, fraction or "0"))


class ItemBase(HttpInput):
    """Fields of every item.

    `id` is its maker's, and tells items of a task apart. An item with a label in `gold` is a gold
    item: reviewers get it among the others, and are measured by it.
    """

    id: str = Field(pattern=r"^[\x21-\x7e]{1,128}$")
    gold: LabelName | None = None
    metadata: ItemMetadata = Field(default_factory=dict)


class AnswerItem(ItemBase):
    """An answer to a prompt."""

    type: Literal["answer"]
    prompt: ItemText
    answer: ItemText


class PairItem(ItemBase):
    """Two answers to a prompt, of which the better is to be told."""

    type: Literal["pair"]
    prompt: ItemText
    a: ItemText
    b: ItemText

    @model_validator(mode="after")
    def _differs(self) -> Self:
        if self.a == self.b:
            raise PydanticCustomError("pair", "a and b are the same text")
        return self


class ExtractionItem(ItemBase):
    """A text, and the values that were extracted from it, a JSON object written as text."""

    type: Literal["extraction"]
    text: ItemText
    values: ItemText
    document_id: str | None = Field(default=None, min_length=1, max_length=64)


class ImageItem(ItemBase):
    """A picture: a document, or a page of one, that the tenant has uploaded."""

    type: Literal["image"]
    document_id: str = Field(pattern=r"^doc_[a-z0-9]{24}$")
    page: int | None = Field(default=None, ge=1)
    question: str | None = Field(default=None, min_length=1, max_length=MAX_COMMENT_CHARACTERS)


LabellingItem = Annotated[
    AnswerItem | PairItem | ExtractionItem | ImageItem, Field(discriminator="type")
]


class AddLabellingItemsRequest(HttpInput):
    """`POST /v1/labelling/tasks/{task_id}/items`. An item that is there already stays as it is."""

    items: Annotated[tuple[LabellingItem, ...], Field(min_length=1, max_length=MAX_ITEMS_A_REQUEST)]


class AddedLabellingItems(Contract):
    """How many items are new, and how many were there already."""

    added: int
    known: int


class LabellingTask(LabellingTerms):
    """A task as it is stored and shown. It expires, with all its labels, at `expires_at`."""

    model_config = ConfigDict(extra="ignore")

    task_id: str
    status: TaskStatus = "open"
    items: int = 0
    gold_items: int = 0
    created_at: AwareDatetime
    expires_at: AwareDatetime


class LabellingTaskList(Contract):
    """Tasks, newest first."""

    items: tuple[LabellingTask, ...]
    next_cursor: str | None


class PutTaskStatusRequest(HttpInput):
    """Open a task, or close it: nobody can claim, while claims that are out can be ended."""

    status: Literal["open", "closed"]


class ClaimItemRequest(HttpInput):
    """`POST /v1/labelling/tasks/{task_id}/claims`.

    A reviewer is an API key, or a name under it, where several people use the key.
    """

    reviewer: ReviewerName | None = None


class ItemContent(Contract):
    """What a reviewer sees of an item; the fields of its kind are set."""

    prompt: str | None = None
    answer: str | None = None
    first: str | None = None
    second: str | None = None
    text: str | None = None
    values: str | None = None
    document_id: str | None = None
    page: int | None = None
    question: str | None = None


class LabellingClaim(Contract):
    """An item that a reviewer has taken until `expires_at`, and the labels to choose from."""

    claim_id: str
    item_id: str
    expires_at: AwareDatetime
    kind: LabellingKind
    guidelines: str
    labels: tuple[str, ...]
    content: ItemContent


class NextClaim(Contract):
    """The reviewer's claim; none where no item is left that this reviewer could label."""

    claim: LabellingClaim | None


class SubmitLabelRequest(HttpInput):
    """The end of a claim: one of its labels.

    `correction` is what the answer should have been, or the right values as a JSON object.
    """

    label: LabelName
    reviewer: ReviewerName | None = None
    correction: ItemText | None = None
    comment: CommentText | None = None


class SkipItemRequest(HttpInput):
    """The end of a claim without a label; the reviewer does not get the item again."""

    reason: CommentText
    reviewer: ReviewerName | None = None


class ClaimEnded(Contract):
    """The label or skip is kept; `late` says that the claim had expired, its place still free."""

    item_id: str
    late: bool
    done: bool


class AdjudicateItemRequest(HttpInput):
    """The label that an item has, whatever its reviewers said."""

    label: LabelName
    reviewer: ReviewerName | None = None
    correction: ItemText | None = None
    comment: CommentText | None = None
