"""Suites: cases, the targets that answer them, how answers are graded, and what a run may cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.contracts.answers import Tier, TopK
from chalicelib.contracts.base import AnyJson, HttpInput
from chalicelib.contracts.evaluations.graders import (
    GraderName,
    Grading,
    ModelName,
    PairwisePreference,
    Reference,
    Share,
    grader_name,
)
from chalicelib.contracts.evaluations.swaps import MAX_SWAPS, GroupSwap
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.names import Collection
from chalicelib.contracts.prompts import LATEST, Label, Name, PromptContent, PromptName
from chalicelib.contracts.receipts import Dollars

SUITE_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
MAX_SUITE_BYTES = 4 * 1024 * 1024
"""Of a suite as JSON: a request to Lambda has 6 MB at most."""
MAX_CASES = 1_000
MAX_TARGETS = 16
MAX_REPEATS = 50
MAX_ANSWERS = 20_000
"""Answers of one evaluation: cases, times targets, times repeats."""
MAX_GRADERS = 20
MAX_PROMPT_CHARACTERS = 400_000
MAX_EXAMPLES = 32
"""Examples that a target shows before each case."""
MAX_GUARDED_LABELS = 20
PRODUCTION = "production"
"""The label that a suite guards where none is named."""

SuiteName = Annotated[str, Field(pattern=SUITE_PATTERN)]
TargetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.:-]{0,62}$")]
CaseId = Annotated[str, Field(pattern=r"^[^\s/][^/\n]{0,127}$")]


class _Target(HttpInput):
    """Fields of every target; `name` is its column in results."""

    name: TargetName


class PromptTarget(_Target):
    """A stored prompt, by its version: a number, a label or `latest`.

    `model` takes the place of the one that the prompt names.
    """

    kind: Literal["prompt"]
    prompt: PromptName
    version: Annotated[int, Field(ge=1)] | Label = LATEST
    model: ModelName | None = None


class InlinePromptTarget(_Target):
    """A prompt that is written out in the suite and stored nowhere."""

    kind: Literal["inline"]
    content: PromptContent
    model: ModelName | None = None


class ExampleAnswer(HttpInput):
    """A question with the answer that is wanted, which a model is shown before a case."""

    user: Reference
    assistant: Reference


class ModelTarget(_Target):
    """A model that is sent one variable of each case as it is, without a template.

    `input` names a text, or a conversation: a list of messages with `role` and `content`, of which
    the first may be the system's and the last is the user's. `examples` are shown before it. With
    the task `classification` a model of texts is asked, whose answer is its likeliest label. An
    answer that ends at `max_tokens` fails, unless `keep_truncated` has it graded as it is. Without
    `fallback` no other model answers where this one fails.
    """

    kind: Literal["model"]
    task: Literal["chat", "classification"] = "chat"
    model: ModelName = "auto"
    quality: int = Field(default=1, ge=1, le=5)
    input: Name = "input"
    system: str = Field(default="", max_length=MAX_PROMPT_CHARACTERS)
    examples: tuple[ExampleAnswer, ...] = Field(default=(), max_length=MAX_EXAMPLES)
    fallback: bool = True
    keep_truncated: bool = False
    max_tokens: int = Field(default=512, ge=1, le=200_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    seed: int | None = Field(default=None, ge=0, le=2_147_483_646)


class AskTarget(_Target):
    """A whole ask: the variable `question` of each case, answered from documents."""

    kind: Literal["ask"]
    question: Name = "question"
    collection: Collection | None = None
    filter: Filter | None = None
    top_k: TopK = 10
    rerank: bool | None = None
    tier: Tier | None = None


class RecordedTarget(_Target):
    """Answers that were given before: of each case the one in `labelled`. Nothing is asked again.

    `input` names the variable with what was asked, which judges are shown.
    """

    kind: Literal["recorded"]
    input: Name = "input"


Target = Annotated[
    PromptTarget | InlinePromptTarget | ModelTarget | AskTarget | RecordedTarget,
    Field(discriminator="kind"),
]
"""A kind of target is a class of this union and a row of `chalicelib/evaluation/targets.py`."""


class SuiteCase(HttpInput):
    """A case: what each target is given, and what is expected of its answer.

    `labels` are verdicts of people on the answer that `labelled` repeats, by the name of a rubric;
    they measure the judge, and no target is asked for them. A case that is `ungraded` is asked and
    shown, and counts in no score.
    """

    id: CaseId
    variables: dict[Name, AnyJson] = Field(default_factory=dict, max_length=50)
    expected: Reference | None = None
    graders: tuple[Grading, ...] = Field(default=(), max_length=MAX_GRADERS)
    labels: dict[GraderName, bool] = Field(default_factory=dict)
    labelled: Reference | None = None
    threshold: Share | None = None
    """The score that passes; None needs every grader of a weight above 0 to pass."""
    ungraded: bool = False

    @model_validator(mode="after")
    def _has_what_was_labelled(self) -> Self:
        if self.ungraded and (self.graders or self.labels or self.threshold is not None):
            raise PydanticCustomError(
                "ungraded",
                "an ungraded case has graders, labels or a threshold; leave them or ungraded out",
            )
        if self.labels and self.labelled is None:
            raise PydanticCustomError(
                "labels", "labels say what people thought of an answer: give it as labelled"
            )
        return self


class SuiteGate(HttpInput):
    """The gate of a suite: the scores that a run has to reach to pass.

    Without a baseline, `min_score` and `min_pass_rate` hold, and every case has to pass where
    neither is given. With one, a run fails only if its scores are worse by more than `tolerance`
    beyond doubt, which a one-sided paired test at `level` decides; minima that are given still
    hold. `targets` are those that have to reach it, all where it is left out. With
    `max_swap_difference` the whole interval of each swap's difference has to lie within it.
    """

    targets: tuple[TargetName, ...] = Field(default=(), max_length=MAX_TARGETS)
    min_score: Share | None = None
    min_pass_rate: Share | None = None
    tolerance: Share = 0.0
    level: float = Field(default=0.05, gt=0, le=0.2)
    max_swap_difference: Share | None = None


class Suite(HttpInput):
    """A suite, as it is run.

    `graders` are those of every case, before its own. Each case is answered `repeats` times by each
    target; `seed` decides what is random, and `budget` bounds the dollars that all of it may cost.
    Targets are compared with the target `compare_to` where it is given. Each of `swaps` has the
    cases asked once more with one group in the place of another.
    """

    name: SuiteName
    description: str = Field(default="", max_length=1_000)
    targets: tuple[Target, ...] = Field(min_length=1, max_length=MAX_TARGETS)
    cases: tuple[SuiteCase, ...] = Field(min_length=1, max_length=MAX_CASES)
    graders: tuple[Grading, ...] = Field(default=(), max_length=MAX_GRADERS)
    repeats: int = Field(default=1, ge=1, le=MAX_REPEATS)
    seed: int = Field(default=0, ge=0, le=2_147_483_646)
    budget: Annotated[Dollars, Field(gt=0, le=1_000)] | None = None
    compare_to: TargetName | None = None
    swaps: tuple[GroupSwap, ...] = Field(default=(), max_length=MAX_SWAPS)
    gate: SuiteGate = SuiteGate()

    @property
    def answers(self) -> int:
        """Return how many answers a run asks for at most: a swap may find no word in a case."""
        return len(self.cases) * len(self.targets) * self.repeats * (1 + len(self.swaps))

    def graders_of(self, case: SuiteCase) -> tuple[Grading, ...]:
        """Return the graders of a case, those of the suite first; none if it is ungraded."""
        return () if case.ungraded else (*self.graders, *case.graders)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        _once("targets", "name", (target.name for target in self.targets))
        _once("cases", "id", (case.id for case in self.cases))
        _once("swaps", "name", (swap.name for swap in self.swaps))
        if self.gate.max_swap_difference is not None and not self.swaps:
            raise PydanticCustomError(
                "swaps", "gate.max_swap_difference holds swaps, and there are none: give swaps"
            )
        targets = {target.name for target in self.targets}
        if self.compare_to is not None and self.compare_to not in targets:
            raise _unknown_target("compare_to", self.compare_to, targets)
        for name in self.gate.targets:
            if name not in targets:
                raise _unknown_target("gate.targets", name, targets)
        if self.answers > MAX_ANSWERS:
            raise PydanticCustomError(
                "answers",
                "{count} answers are more than {most}: {cases} cases by {targets} targets, "
                "{repeats} times each, with {swaps} swaps; leave some out",
                {
                    "count": self.answers,
                    "most": MAX_ANSWERS,
                    "cases": len(self.cases),
                    "targets": len(self.targets),
                    "repeats": self.repeats,
                    "swaps": len(self.swaps),
                },
            )
        for case in self.cases:
            _check_graders(case, self.graders_of(case), targets)
        return self


def _check_graders(case: SuiteCase, gradings: tuple[Grading, ...], targets: set[str]) -> None:
    place = f"case {case.id}"
    if case.ungraded:
        return
    if not gradings:
        raise PydanticCustomError(
            "graders",
            "{place} has no graders: give it some, or give the suite some",
            {"place": place},
        )
    if not any(grading.weight for grading in gradings):
        raise PydanticCustomError(
            "weight",
            "{place}: the weights of its graders add up to 0, so that its score would divide by "
            "nothing; give one a weight",
            {"place": place},
        )
    _once(place, "graders.name", map(grader_name, gradings))
    for grading in gradings:
        _check_expected(case, grading)
        if isinstance(grading, PairwisePreference) and grading.against not in targets:
            raise _unknown_target(
                f"{place}, {grader_name(grading)}.against", grading.against, targets
            )
        missing = {*getattr(grading, "variables", ())} - case.variables.keys()
        if missing:
            raise PydanticCustomError(
                "variables",
                "{place}, grader {grader}: there is no variable {missing}; the case has {known}",
                {
                    "place": place,
                    "grader": grader_name(grading),
                    "missing": ", ".join(sorted(missing)),
                    "known": ", ".join(sorted(case.variables)) or "none",
                },
            )
    strange = case.labels.keys() - {grader_name(each) for each in gradings if each.type == "rubric"}
    if strange:
        raise PydanticCustomError(
            "labels",
            "{place}: labels are of rubrics, and there is no rubric {strange}",
            {"place": place, "strange": ", ".join(sorted(strange))},
        )


def _check_expected(case: SuiteCase, grading: Grading) -> None:
    needs = {"exact", "json_fields", "numeric", "rouge", "bleu", "similarity"}
    given: object = getattr(grading, "expected", None)
    if grading.type == "contains":
        needs.add("contains")
        given = grading.all or grading.any or grading.none or None
    if grading.type in needs and given is None and case.expected is None:
        raise PydanticCustomError(
            "expected",
            "case {case}, grader {grader}: nothing is expected; give the case expected",
            {"case": case.id, "grader": grader_name(grading)},
        )


def _once(place: str, field: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise PydanticCustomError(
            "twice",
            "{place}: {field} {twice} stands twice; give each a {field} of its own",
            {"place": place, "field": field, "twice": twice[0]},
        )


def _unknown_target(place: str, name: str, targets: set[str]) -> PydanticCustomError:
    return PydanticCustomError(
        "target",
        "{place}: there is no target {name}; there are {known}",
        {"place": place, "name": name, "known": ", ".join(sorted(targets))},
    )


class PutPromptSuiteRequest(HttpInput):
    """The suite that a version has to pass before one of `labels` points to it.

    Its targets and budget may change. A change of its cases, its graders or the rules of its gate
    makes it another suite, which is put again.
    """

    suite: Suite
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=MAX_GUARDED_LABELS)] = (
        PRODUCTION,
    )
