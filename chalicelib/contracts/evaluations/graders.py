"""Grader declarations of a suite: what an answer is graded by, each a class of the union `Grading`.

The field `type` says which one it is. A score is from 0 to 1, and an answer passes if its score is
`threshold` or more; graders that only know right and wrong have scores of 0 and 1.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import AnyJson, HttpInput
from chalicelib.contracts.receipts import Dollars
from chalicelib.contracts.screening import Category

MAX_PATTERN_CHARACTERS = 4_000
MAX_REFERENCE_CHARACTERS = 64_000
MAX_PHRASES = 100
MAX_WEIGHT = 1_000
MAX_SECONDS = 900

Reference = Annotated[str, Field(max_length=MAX_REFERENCE_CHARACTERS)]
Phrase = Annotated[str, Field(min_length=1, max_length=MAX_REFERENCE_CHARACTERS)]
Phrases = Annotated[tuple[Phrase, ...], Field(max_length=MAX_PHRASES)]
GraderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.:-]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Criteria = Annotated[str, Field(min_length=1, max_length=8_000)]
ModelName = Annotated[str, Field(min_length=1, max_length=256)]


class GradingBase(HttpInput):
    """Fields of every grader.

    `name` tells graders of a case apart; it is the type where it is left out. `weight` is that of
    its score in the score of the answer; a weight of 0 reports a score that decides nothing. With
    `negate` an answer passes if it would not, and the score is 1 minus the score.
    """

    name: GraderName | None = None
    weight: float = Field(default=1.0, ge=0, le=MAX_WEIGHT, allow_inf_nan=False)
    negate: bool = False


class ExactMatch(GradingBase):
    """The answer is `expected`, or that of the case. Space at both ends does not count."""

    type: Literal["exact"]
    expected: Reference | None = None
    ignore_case: bool = False


class ContainsMatch(GradingBase):
    """The answer holds every text of `all`, one at least of `any`, and none of `none`.

    Where all three are left out, it holds what the case expects.
    """

    type: Literal["contains"]
    all: Phrases = ()
    any: Phrases = ()
    none: Phrases = ()
    ignore_case: bool = True


class RegexMatch(GradingBase):
    """The pattern occurs in the answer. Patterns are those of ECMA-262 without backtracking."""

    type: Literal["regex"]
    pattern: str = Field(min_length=1, max_length=MAX_PATTERN_CHARACTERS)


class JsonSchemaMatch(GradingBase):
    """The answer is JSON, and keeps to `json_schema` where one is given."""

    type: Literal["json_schema"]
    json_schema: Annotated[
        dict[str, AnyJson] | None, WithJsonSchema({"type": ["object", "null"]})
    ] = None
    anywhere: bool = False
    """Take the first JSON value within the answer's text, rather than the whole answer."""


class JsonFieldsMatch(GradingBase):
    """The share of the fields that the answer and the expected text, JSON objects, have alike.

    A field that only one of them has counts as wrong, and so does every field of an answer that is
    no JSON object.
    """

    type: Literal["json_fields"]
    expected: Reference | None = None
    threshold: Share = 1.0


class NumericMatch(GradingBase):
    """The number in the answer is near the expected one.

    It is near within `absolute`, or within `relative` of the expected number; with both, one is
    enough. `take` says which number of an answer that has several.
    """

    type: Literal["numeric"]
    expected: Annotated[float, Field(allow_inf_nan=False)] | None = None
    absolute: Positive | None = None
    relative: Positive | None = None
    take: Literal["first", "last", "only"] = "only"

    @model_validator(mode="after")
    def _divides_by_something(self) -> Self:
        if self.expected == 0 and self.relative and self.absolute is None:
            raise PydanticCustomError(
                "relative",
                "relative divides by the expected number, which is 0: give absolute instead",
            )
        return self


class RougeOverlap(GradingBase):
    """ROUGE of the answer and the expected text, by words."""

    type: Literal["rouge"]
    variant: Literal["rouge1", "rouge2", "rougeL"] = "rougeL"
    measure: Literal["f1", "precision", "recall"] = "f1"
    expected: Reference | None = None
    threshold: Share = 0.5


class BleuOverlap(GradingBase):
    """Sentence BLEU of the answer and the expected text, from 0 to 1."""

    type: Literal["bleu"]
    expected: Reference | None = None
    threshold: Share = 0.5


class EmbeddingSimilarity(GradingBase):
    """The cosine of the vectors of the answer and the expected text; below 0 it counts as 0."""

    type: Literal["similarity"]
    expected: Reference | None = None
    threshold: Share = 0.75


class SupportedClaims(GradingBase):
    """The share of the answer's sentences that rest on its sources.

    Those are the texts of the case's `variables` that are named here, and otherwise the passages
    that the answer cites.
    """

    type: Literal["supported"]
    variables: tuple[str, ...] = Field(default=(), max_length=50)
    threshold: Share = 1.0


class ExactCitations(GradingBase):
    """The share of citations whose quote is exactly the cited range of its page.

    An answer without a citation has a score of 0, unless `required` is false.
    """

    type: Literal["citations"]
    required: bool = True
    threshold: Share = 1.0


class SafeContent(GradingBase):
    """Nothing of these categories is found in the answer with a score of `least` or more."""

    type: Literal["safety"]
    categories: tuple[Category, ...] = (
        *("harassment", "threat", "hate", "self-harm", "sexual", "violence"),
    )
    least: Share = 0.5


class CostLimit(GradingBase):
    """The answer cost no more than `max_dollars` at AWS's list prices."""

    type: Literal["cost"]
    max_dollars: Dollars


class LatencyLimit(GradingBase):
    """The answer took no longer than `max_seconds`."""

    type: Literal["latency"]
    max_seconds: float = Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)


class RubricJudgement(GradingBase):
    """A model says whether the answer meets `criteria`, asked with its options in both orders.

    The score is the share of the two that say so. Where cases carry `labels` under this grader's
    name, the result reports how well the judge agrees with them.
    """

    type: Literal["rubric"]
    criteria: Criteria
    model: ModelName = "auto"
    quality: int = Field(default=3, ge=1, le=5)
    threshold: Share = 1.0


class PairwisePreference(GradingBase):
    """A model says whether the answer is better than that of the target `against`.

    It sees both answers in both orders. A win scores 1, a tie 0.5, and so does a preference that
    changes with the order. The answer of `against` itself ties, and no model is asked.
    """

    type: Literal["pairwise"]
    against: str = Field(min_length=1, max_length=63)
    criteria: Criteria = "It answers better: right, complete, and to the point."
    model: ModelName = "auto"
    quality: int = Field(default=3, ge=1, le=5)
    threshold: Share = 0.5


Grading = Annotated[
    ExactMatch
    | ContainsMatch
    | RegexMatch
    | JsonSchemaMatch
    | JsonFieldsMatch
    | NumericMatch
    | RougeOverlap
    | BleuOverlap
    | EmbeddingSimilarity
    | SupportedClaims
    | ExactCitations
    | SafeContent
    | CostLimit
    | LatencyLimit
    | RubricJudgement
    | PairwisePreference,
    Field(discriminator="type"),
]


def grader_name(grading: Grading) -> str:
    """Return the name under which a grader's scores are reported."""
    return grading.name or grading.type
