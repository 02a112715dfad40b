"""Screening policies: the stage's, a tenant's own, and what they decide about findings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from chalicelib.contracts.screening import (
    Action,
    Category,
    CategoryPolicy,
    Finding,
    ScreeningPolicy,
    Side,
)
from chalicelib.errors import InvalidInput

StageMode = Literal["off", "flag", "refuse"]
MASKABLE: frozenset[Category] = frozenset({"personal-data", "injection"})
HARMFUL: tuple[Category, ...] = (
    "harassment",
    "threat",
    "hate",
    "self-harm",
    "sexual",
    "violence",
)


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """The decision about screened texts.

    They are `refused` for a finding, or continue with `masked` findings made unreadable; `told`
    are all findings that the policy covers.
    """

    refused: Finding | None
    masked: tuple[Finding, ...]
    told: tuple[Finding, ...]


def stage_policy(named: str) -> ScreeningPolicy:
    """Return the policy of a stage by its setting: off, flag or refuse.

    With refuse, harmful content goes neither in nor out, and instructions to the model do not
    go in;
    personal data is only flagged, since much work needs it.

    Raises:
        InvalidInput: the setting has another value.
    """
    if named not in get_args(StageMode):
        raise InvalidInput(
            f"HEADRACE_SCREENING is {named!r}; it is one of {', '.join(get_args(StageMode))}.",
            field="HEADRACE_SCREENING",
        )
    if named == "off":
        return ScreeningPolicy()
    action: Action = "refuse" if named == "refuse" else "flag"
    categories: dict[Category, CategoryPolicy] = {
        category: CategoryPolicy(input=action, output=action) for category in HARMFUL
    }
    categories["injection"] = CategoryPolicy(input=action)
    categories["personal-data"] = CategoryPolicy(input="flag", output="flag")
    return ScreeningPolicy(categories=categories)


def check_policy(policy: ScreeningPolicy) -> None:
    """Raise `InvalidInput` for a policy that cannot be applied, naming the category."""
    for category, rule in policy.categories.items():
        if "mask" in (rule.input, rule.output) and category not in MASKABLE:
            raise InvalidInput(
                f"Findings of {category} cannot be masked; refuse or flag them.",
                field=f"categories.{category}",
            )


def policy_digest(policy: ScreeningPolicy, *guardrail: str) -> str:
    """Return a hash of a policy, and of the guardrail of Bedrock that holds beside it."""
    told = json.dumps([policy.model_dump(mode="json"), *guardrail], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def active_categories(policy: ScreeningPolicy, side: Side) -> tuple[Category, ...]:
    """Return the categories that have an action on a side."""
    return tuple(
        category for category, held in policy.categories.items() if _action(held, side) != "off"
    )


def needs_whole_output(policy: ScreeningPolicy) -> bool:
    """Tell whether an output may be refused or masked, so that it has to be complete."""
    return any(held.output in ("refuse", "mask") for held in policy.categories.values())


def decide(
    policy: ScreeningPolicy,
    side: Side,
    findings: Sequence[Finding],
    fixed: Collection[int] = (),
) -> PolicyDecision:
    """Return the decision about texts; text numbers in `fixed` are refused instead of masked."""
    told: list[Finding] = []
    masked: list[Finding] = []
    refused: list[Finding] = []
    for finding in findings:
        rule = policy.categories.get(finding.category)
        if rule is None or finding.score < rule.threshold or _action(rule, side) == "off":
            continue
        told.append(finding)
        if _action(rule, side) == "refuse" or (
            _action(rule, side) == "mask" and finding.text in fixed
        ):
            refused.append(finding)
        elif _action(rule, side) == "mask":
            masked.append(finding)
    surest = max(refused, key=lambda one: one.score, default=None)
    return PolicyDecision(surest, tuple(masked), tuple(told))


def masked_texts(texts: Sequence[str], findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return the texts with the name of its rule, as `[NAME]`, in place of each finding.

    Of two that overlap, the first stands for both.
    """
    by_text: Mapping[int, list[Finding]] = {number: [] for number in range(len(texts))}
    for finding in sorted(findings, key=lambda finding_: (finding_.start, -finding_.end)):
        by_text[finding.text].append(finding)
    return tuple(_mask_text(text, by_text[number]) for number, text in enumerate(texts))


def _mask_text(text: str, findings: Sequence[Finding]) -> str:
    parts: list[str] = []
    place = 0
    for finding in findings:
        if finding.start < place:
            place = max(place, finding.end)
            continue
        name = finding.rule.rpartition(".")[2].upper()
        parts += [text[place : finding.start], f"[{name}]"]
        place = finding.end
    return "".join([*parts, text[place:]])


def _action(held: CategoryPolicy, side: Side) -> Action:
    return held.input if side == "input" else held.output
