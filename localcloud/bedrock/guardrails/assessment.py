"""Assessment of texts by a guardrail: findings, masked texts and text units. Pure.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from localcloud.bedrock.guardrails.pii import PII_RULES

GuardrailPolicy = Mapping[str, Any]
"""The parameters of CreateGuardrail."""

AssessedSide = Literal["INPUT", "OUTPUT"]

_UNIT_CHARACTERS = 1000
"""Characters in a text unit. https://aws.amazon.com/bedrock/pricing/"""

_ACTIONS = {"BLOCK": "BLOCKED", "ANONYMIZE": "ANONYMIZED", "NONE": "NONE"}


@dataclass(frozen=True, slots=True)
class GuardrailFinding:
    """A match of one rule in a text.

    Attributes:
        begin, end: the span of the match.
        action: `BLOCKED`, `ANONYMIZED` or `NONE`.
        tag: what a masked match is replaced by, in braces.
        policy: the assessment's member that lists the finding, such as `wordPolicy`.
        list_name: the list within that policy, such as `customWords`.
        details: the members of the entry in that list.
    """

    begin: int
    end: int
    action: str
    tag: str
    policy: str
    list_name: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyAssessment:
    """The result for some texts: the masked `texts`, and whether they are `blocked`."""

    texts: tuple[str, ...]
    blocked: bool
    masked: bool
    assessment: Mapping[str, Any]
    units: Mapping[str, int]
    characters: int

    @property
    def intervened(self) -> bool:
        """Whether the guardrail blocked or masked anything."""
        return self.blocked or self.masked


def assess(policy: GuardrailPolicy, source: AssessedSide, texts: Sequence[str]) -> PolicyAssessment:
    """Assess `texts` by the guardrail `policy`."""
    by_text = [list(_findings(policy, source, text)) for text in texts]
    all_findings = [finding for findings in by_text for finding in findings]
    masked = tuple(_mask(text, findings) for text, findings in zip(texts, by_text, strict=True))
    return PolicyAssessment(
        masked,
        any(finding.action == "BLOCKED" for finding in all_findings),
        masked != tuple(texts),
        _assessment(all_findings),
        _text_units(policy, texts),
        sum(map(len, texts)),
    )


def _findings(
    policy: GuardrailPolicy, source: AssessedSide, text: str
) -> Iterator[GuardrailFinding]:
    for word in _enabled_rules(policy.get("wordPolicyConfig", {}).get("wordsConfig", ()), source):
        for begin, end in _phrase_spans(word["text"], text):
            details = {"match": text[begin:end]}
            yield GuardrailFinding(
                begin, end, word["action"], "", "wordPolicy", "customWords", details
            )
    sensitive = policy.get("sensitiveInformationPolicyConfig", {})
    name = "sensitiveInformationPolicy"
    for kind in _enabled_rules(sensitive.get("piiEntitiesConfig", ()), source):
        for begin, end in PII_RULES[kind["type"]].find_spans(text):
            details = {"match": text[begin:end], "type": kind["type"]}
            yield GuardrailFinding(
                begin, end, kind["action"], kind["type"], name, "piiEntities", details
            )
    for regex in _enabled_rules(sensitive.get("regexesConfig", ()), source):
        for match in re.finditer(regex["pattern"], text):
            if match.group():
                details = {"match": match.group(), "name": regex["name"], "regex": regex["pattern"]}
                begin, end = match.span()
                yield GuardrailFinding(
                    begin, end, regex["action"], regex["name"], name, "regexes", details
                )


def _enabled_rules(
    rules: Iterable[Mapping[str, Any]], source: AssessedSide
) -> Iterator[dict[str, Any]]:
    """Yield the rules that are enabled for the input or the output, with the action there."""
    side = source.lower()
    for rule in rules:
        if rule.get(f"{side}Enabled", True):
            action = rule.get(f"{side}Action") or rule.get("action") or "BLOCK"
            yield {**rule, "action": _ACTIONS[action]}


def _phrase_spans(phrase: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of `phrase` as whole words, ignoring case and the kind of spaces."""
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    for match in re.finditer(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE):
        yield match.span()


def _mask(text: str, findings: Iterable[GuardrailFinding]) -> str:
    """Return `text` with findings replaced by their tags; of overlapping ones the first wins."""
    parts: list[str] = []
    position = 0
    for finding in sorted(findings, key=lambda finding: (finding.begin, -finding.end)):
        if finding.action == "ANONYMIZED" and finding.begin >= position:
            parts += [text[position : finding.begin], f"{{{finding.tag}}}"]
            position = finding.end
    return "".join([*parts, text[position:]])


def _assessment(findings: Iterable[GuardrailFinding]) -> dict[str, Any]:
    assessment: dict[str, Any] = {}
    for finding in findings:
        lists = assessment.setdefault(finding.policy, _EMPTY_LISTS[finding.policy]())
        entry = {**finding.details, "action": finding.action, "detected": True}
        if entry not in lists[finding.list_name]:
            lists[finding.list_name].append(entry)
    return assessment


_EMPTY_LISTS: Mapping[str, Callable[[], dict[str, list[Any]]]] = {
    "wordPolicy": lambda: {"customWords": [], "managedWordLists": []},
    "sensitiveInformationPolicy": lambda: {"piiEntities": [], "regexes": []},
}


def _text_units(policy: GuardrailPolicy, texts: Sequence[str]) -> dict[str, int]:
    """Return the text units that each policy is billed for; regular expressions are free."""
    units = sum(-(-len(text) // _UNIT_CHARACTERS) for text in texts)
    sensitive = policy.get("sensitiveInformationPolicyConfig", {})
    return {
        "topicPolicyUnits": 0,
        "contentPolicyUnits": 0,
        "wordPolicyUnits": units if policy.get("wordPolicyConfig") else 0,
        "sensitiveInformationPolicyUnits": units if sensitive.get("piiEntitiesConfig") else 0,
        "sensitiveInformationPolicyFreeUnits": units if sensitive.get("regexesConfig") else 0,
        "contextualGroundingPolicyUnits": 0,
    }
