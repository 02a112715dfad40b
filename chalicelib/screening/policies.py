"""What is done about findings: the stage's policy, the tenant's in its place, and what follows."""

from __future__ import annotations

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

Default = Literal["off", "flag", "refuse"]
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
class Decision:
    """What becomes of what was screened: it is `refused` for a finding, or goes on with `masked`
    findings made unreadable; `told` are all findings that the policy is about.
    """

    refused: Finding | None
    masked: tuple[Finding, ...]
    told: tuple[Finding, ...]


def stage_policy(named: str) -> ScreeningPolicy:
    """Return the policy of a stage that is told off, flag or refuse.

    With refuse, what is harmful goes neither in nor out, and neither do orders to the model go in;
    personal data is only told, since much work is with it.

    Raises:
        InvalidInput: it is told something else.
    """
    if named not in get_args(Default):
        raise InvalidInput(
            f"HEADRACE_SCREENING is {named!r}; it is one of {', '.join(get_args(Default))}.",
            field="HEADRACE_SCREENING",
        )
    if named == "off":
        return ScreeningPolicy()
    act: Action = "refuse" if named == "refuse" else "flag"
    held: dict[Category, CategoryPolicy] = {
        category: CategoryPolicy(input=act, output=act) for category in HARMFUL
    }
    held["injection"] = CategoryPolicy(input=act)
    held["personal-data"] = CategoryPolicy(input="flag", output="flag")
    return ScreeningPolicy(categories=held)


def check(policy: ScreeningPolicy) -> None:
    """Raise `InvalidInput` for a policy that cannot be held to, naming the category."""
    for category, held in policy.categories.items():
        if "mask" in (held.input, held.output) and category not in MASKABLE:
            raise InvalidInput(
                f"Findings of {category} cannot be masked; refuse or flag them.",
                field=f"categories.{category}",
            )


def looked_for(policy: ScreeningPolicy, side: Side) -> tuple[Category, ...]:
    """Return the categories that something is done about on a side."""
    return tuple(
        category for category, held in policy.categories.items() if _action(held, side) != "off"
    )


def holds_back(policy: ScreeningPolicy) -> bool:
    """Tell whether an output has to be whole before it is given: it may be refused or masked."""
    return any(held.output in ("refuse", "mask") for held in policy.categories.values())


def decide(
    policy: ScreeningPolicy,
    side: Side,
    findings: Sequence[Finding],
    fixed: Collection[int] = (),
) -> Decision:
    """Return what becomes of the texts; one that is `fixed` cannot be masked, and is refused."""
    told: list[Finding] = []
    masked: list[Finding] = []
    refused: list[Finding] = []
    for finding in findings:
        held = policy.categories.get(finding.category)
        if held is None or finding.score < held.threshold or _action(held, side) == "off":
            continue
        told.append(finding)
        if _action(held, side) == "refuse" or (
            _action(held, side) == "mask" and finding.text in fixed
        ):
            refused.append(finding)
        elif _action(held, side) == "mask":
            masked.append(finding)
    surest = max(refused, key=lambda one: one.score, default=None)
    return Decision(surest, tuple(masked), tuple(told))


def masked_texts(texts: Sequence[str], findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return the texts with `[NAME]` of its rule in place of each finding; the first of two that
    overlap stands for both.
    """
    by_text: Mapping[int, list[Finding]] = {at: [] for at in range(len(texts))}
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        by_text[finding.text].append(finding)
    return tuple(_masked(text, by_text[at]) for at, text in enumerate(texts))


def _masked(text: str, findings: Sequence[Finding]) -> str:
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
