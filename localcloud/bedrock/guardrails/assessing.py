"""What a guardrail finds in texts, and what becomes of them. Pure.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from localcloud.bedrock.guardrails.pii import RULES

Policy = Mapping[str, Any]
"""A guardrail as CreateGuardrail takes it."""

Source = Literal["INPUT", "OUTPUT"]

_UNIT = 1000
"""Characters in a text unit. https://aws.amazon.com/bedrock/pricing/"""

_ACTIONS = {"BLOCK": "BLOCKED", "ANONYMIZE": "ANONYMIZED", "NONE": "NONE"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found: where in the text, of which kind, and what is done about it."""

    begin: int
    end: int
    action: str
    tag: str
    policy: str
    listed: str
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of texts: `texts` with what is masked in them, whether all is `blocked`."""

    texts: tuple[str, ...]
    blocked: bool
    masked: bool
    assessment: Mapping[str, Any]
    units: Mapping[str, int]
    characters: int

    @property
    def intervened(self) -> bool:
        """Tell whether anything was done about anything."""
        return self.blocked or self.masked


def assess(policy: Policy, source: Source, texts: Sequence[str]) -> Outcome:
    """Return what the guardrail `policy` makes of `texts`."""
    found = [list(_findings(policy, source, text)) for text in texts]
    every = [finding for of_text in found for finding in of_text]
    masked = tuple(_masked(text, of_text) for text, of_text in zip(texts, found, strict=True))
    return Outcome(
        masked,
        any(finding.action == "BLOCKED" for finding in every),
        masked != tuple(texts),
        _assessment(every),
        _units(policy, texts),
        sum(map(len, texts)),
    )


def _findings(policy: Policy, source: Source, text: str) -> Iterator[Finding]:
    for word in _enabled(policy.get("wordPolicyConfig", {}).get("wordsConfig", ()), source):
        for begin, end in _words(word["text"], text):
            said = {"match": text[begin:end]}
            yield Finding(begin, end, word["action"], "", "wordPolicy", "customWords", said)
    sensitive = policy.get("sensitiveInformationPolicyConfig", {})
    name = "sensitiveInformationPolicy"
    for kind in _enabled(sensitive.get("piiEntitiesConfig", ()), source):
        for begin, end in RULES[kind["type"]].found(text):
            said = {"match": text[begin:end], "type": kind["type"]}
            yield Finding(begin, end, kind["action"], kind["type"], name, "piiEntities", said)
    for regex in _enabled(sensitive.get("regexesConfig", ()), source):
        for match in re.finditer(regex["pattern"], text):
            if match.group():
                said = {"match": match.group(), "name": regex["name"], "regex": regex["pattern"]}
                begin, end = match.span()
                yield Finding(begin, end, regex["action"], regex["name"], name, "regexes", said)


def _enabled(rules: Iterable[Mapping[str, Any]], source: Source) -> Iterator[dict[str, Any]]:
    """Yield the rules that hold for the input or the output, each with what it does there."""
    side = source.lower()
    for rule in rules:
        if rule.get(f"{side}Enabled", True):
            action = rule.get(f"{side}Action") or rule.get("action") or "BLOCK"
            yield {**rule, "action": _ACTIONS[action]}


def _words(phrase: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield where `text` has `phrase` as words of its own, whatever the case and the spaces."""
    inside = r"\s+".join(re.escape(word) for word in phrase.split())
    for match in re.finditer(rf"(?<!\w){inside}(?!\w)", text, re.IGNORECASE):
        yield match.span()


def _masked(text: str, findings: Iterable[Finding]) -> str:
    """Return `text` with a tag in place of what is to be masked; the first found of two wins."""
    parts: list[str] = []
    place = 0
    for finding in sorted(findings, key=lambda finding: (finding.begin, -finding.end)):
        if finding.action == "ANONYMIZED" and finding.begin >= place:
            parts += [text[place : finding.begin], f"{{{finding.tag}}}"]
            place = finding.end
    return "".join([*parts, text[place:]])


def _assessment(findings: Iterable[Finding]) -> dict[str, Any]:
    assessment: dict[str, Any] = {}
    for finding in findings:
        lists = assessment.setdefault(finding.policy, _EMPTY[finding.policy]())
        entry = {**finding.said, "action": finding.action, "detected": True}
        if entry not in lists[finding.listed]:
            lists[finding.listed].append(entry)
    return assessment


_EMPTY: Mapping[str, Callable[[], dict[str, list[Any]]]] = {
    "wordPolicy": lambda: {"customWords": [], "managedWordLists": []},
    "sensitiveInformationPolicy": lambda: {"piiEntities": [], "regexes": []},
}


def _units(policy: Policy, texts: Sequence[str]) -> dict[str, int]:
    """Return the text units that each policy is billed for; patterns of one's own are free."""
    units = sum(-(-len(text) // _UNIT) for text in texts)
    sensitive = policy.get("sensitiveInformationPolicyConfig", {})
    return {
        "topicPolicyUnits": 0,
        "contentPolicyUnits": 0,
        "wordPolicyUnits": units if policy.get("wordPolicyConfig") else 0,
        "sensitiveInformationPolicyUnits": units if sensitive.get("piiEntitiesConfig") else 0,
        "sensitiveInformationPolicyFreeUnits": units if sensitive.get("regexesConfig") else 0,
        "contextualGroundingPolicyUnits": 0,
    }
