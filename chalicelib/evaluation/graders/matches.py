"""Graders that know right and wrong: exact, contains, regular expression, JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from chalicelib.evaluation.graders.base import GradedSample, GradingServices, Score, expected_text
from chalicelib.generation.patterns import compile_pattern
from chalicelib.generation.schemas import parse_json, schema_violation

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.graders import (
        ContainsMatch,
        ExactMatch,
        JsonFieldsMatch,
        JsonSchemaMatch,
        RegexMatch,
    )

_SHOWN = 80
_MAX_STARTS = 1_000
"""Braces and brackets at which JSON is looked for in an answer."""
RIGHT = Score(1.0)


@dataclass(frozen=True, slots=True)
class ExactGrader:
    """Compares the whole answer with a text."""

    rule: ExactMatch
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return 1 for the expected text, space at both ends aside."""
        expected = expected_text(sample, self.rule.expected).strip()
        given = sample.answer.text.strip()
        if self.rule.ignore_case:
            expected, given = expected.casefold(), given.casefold()
        if expected == given:
            return RIGHT
        return Score(0.0, f"It is not {_shown(expected)}, but {_shown(given)}.")


@dataclass(frozen=True, slots=True)
class ContainsGrader:
    """Looks for texts in the answer."""

    rule: ContainsMatch
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return 1 if all texts, one of the alternatives and none of the others are there."""
        rule = self.rule
        every = rule.all
        if not (rule.all or rule.any or rule.none):
            every = (sample.case.expected or "",)
        missing = [text for text in every if not self._has(sample, text)]
        if missing:
            return Score(0.0, f"It does not say {_shown(missing[0])}.")
        if rule.any and not any(self._has(sample, text) for text in rule.any):
            return Score(0.0, f"It says none of {', '.join(map(_shown, rule.any))}.")
        found = [text for text in rule.none if self._has(sample, text)]
        return Score(0.0, f"It says {_shown(found[0])}.") if found else RIGHT

    def _has(self, sample: GradedSample, text: str) -> bool:
        if self.rule.ignore_case:
            return text.casefold() in sample.answer.text.casefold()
        return text in sample.answer.text


@dataclass(frozen=True, slots=True)
class RegexGrader:
    """Searches the answer for a pattern, in time linear in the answer."""

    rule: RegexMatch
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return 1 if the pattern occurs."""
        if compile_pattern(self.rule.pattern).search(sample.answer.text):
            return RIGHT
        return Score(0.0, f"{_shown(self.rule.pattern)} does not occur in it.")


@dataclass(frozen=True, slots=True)
class JsonSchemaGrader:
    """Parses the answer as JSON and validates it."""

    rule: JsonSchemaMatch
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return 1 if the answer is JSON and keeps to the schema, if there is one."""
        text = sample.answer.text
        try:
            value = json_within(text) if self.rule.anywhere else parse_json(text)
        except ValueError as error:
            return Score(0.0, f"It is no JSON: {error}.")
        if self.rule.json_schema is None:
            return RIGHT
        violation = schema_violation(value, self.rule.json_schema)
        return Score(0.0, f"{violation}.") if violation else RIGHT


@dataclass(frozen=True, slots=True)
class JsonFieldsGrader:
    """Compares the fields of two JSON objects."""

    rule: JsonFieldsMatch
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return the share of the fields of both that are in both and equal."""
        wanted = json_object(expected_text(sample, self.rule.expected))
        if wanted is None:
            return Score(0.0, "What is expected is no JSON object.")
        given = json_object(sample.answer.text)
        if given is None:
            return Score(0.0, "It is no JSON object.")
        names = sorted(given.keys() | wanted.keys())
        wrong = [each for each in names if not _same_field(given, wanted, each)]
        if not wrong:
            return RIGHT
        return Score(1 - len(wrong) / len(names), f"Wrong fields: {_shown(', '.join(wrong))}.")


def json_object(text: str) -> Mapping[str, Any] | None:
    """Return the JSON object that a text is, or None."""
    try:
        found = parse_json(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _same_field(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    if name not in one or name not in other:
        return False
    # As JSON, since True equals 1 in Python.
    return json.dumps(one[name], sort_keys=True) == json.dumps(other[name], sort_keys=True)


def json_within(text: str) -> Any:
    """Return the first JSON object or list in a text; raise `ValueError` if there is none."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(_MAX_STARTS):
        starts = [found for mark in "{[" if (found := text.find(mark, at)) >= 0]
        if not starts:
            break
        at = min(starts)
        try:
            return decoder.raw_decode(text, at)[0]
        except (ValueError, RecursionError):
            at += 1
    raise ValueError("no object and no list begins in it")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
