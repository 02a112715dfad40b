"""The table of graders, and how one grades an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.evaluation.graders.base import GradedSample, Grader, GradingServices, make_grade
from chalicelib.evaluation.graders.content import (
    CitationGrader,
    SafetyGrader,
    SimilarityGrader,
    SupportGrader,
)
from chalicelib.evaluation.graders.judgement import PairwiseGrader, RubricGrader
from chalicelib.evaluation.graders.limits import CostGrader, LatencyGrader
from chalicelib.evaluation.graders.matches import (
    ContainsGrader,
    ExactGrader,
    JsonFieldsGrader,
    JsonSchemaGrader,
    RegexGrader,
)
from chalicelib.evaluation.graders.numbers import NumericGrader
from chalicelib.evaluation.graders.overlap import BleuGrader, RougeGrader

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.graders import Grading
    from chalicelib.contracts.evaluations.results import Grade

GRADERS: Mapping[str, Callable[[Any], Grader]] = {
    "exact": ExactGrader,
    "contains": ContainsGrader,
    "regex": RegexGrader,
    "json_schema": JsonSchemaGrader,
    "json_fields": JsonFieldsGrader,
    "numeric": NumericGrader,
    "rouge": RougeGrader,
    "bleu": BleuGrader,
    "similarity": SimilarityGrader,
    "supported": SupportGrader,
    "citations": CitationGrader,
    "safety": SafetyGrader,
    "cost": CostGrader,
    "latency": LatencyGrader,
    "rubric": RubricGrader,
    "pairwise": PairwiseGrader,
}
"""The grader of each type of the union `Grading`."""
PAID = frozenset(("similarity", "supported", "rubric", "pairwise"))
"""Types whose grades cost something, and are cached."""


def grader_of(grading: Grading) -> Grader:
    """Return the grader of a declaration."""
    return GRADERS[grading.type](grading)


def grade(grading: Grading, sample: GradedSample, services: GradingServices) -> Grade:
    """Return the grade of an answer; errors of the services pass through."""
    score = grader_of(grading).score(sample, services)
    return make_grade(grading, score, getattr(grading, "threshold", 1.0))
