"""CreateGuardrail and its kin, botocore's `bedrock`: what rules can keep, and no more.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateGuardrail.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.bedrock.content import invalid
from localcloud.bedrock.guardrails.pii import RULES
from localcloud.bedrock.guardrails.store import DRAFT, Guardrail, GuardrailStore
from localcloud.clock import utc
from localcloud.service import CloudContext, Params, Result

_KEPT = ("wordPolicyConfig", "sensitiveInformationPolicyConfig")
_ABOUT = frozenset(
    {"name", "description", "blockedInputMessaging", "blockedOutputsMessaging", "tags"}
    | {"clientRequestToken", "guardrailIdentifier", *_KEPT}
)
_SHOWN = {
    "wordsConfig": "words",
    "piiEntitiesConfig": "piiEntities",
    "regexesConfig": "regexes",
}


class GuardrailOperations:
    """Guardrails of words, patterns and personal data."""

    def __init__(self, surroundings: CloudContext, store: GuardrailStore) -> None:
        """Keep them in `store`."""
        self._surroundings = surroundings
        self._store = store

    def create_guardrail(self, params: Params) -> Result:
        """Keep a guardrail. Raises ValidationException for what rules can't keep."""
        made = self._store.create(_policy(params), params.get("clientRequestToken"))
        return {
            "guardrailId": made.id,
            "guardrailArn": self._arn(made),
            "version": DRAFT,
            "createdAt": utc(made.created_at),
        }

    def update_guardrail(self, params: Params) -> Result:
        """Replace the draft of a guardrail."""
        made = self._store.update(params["guardrailIdentifier"], _policy(params))
        return {
            "guardrailId": made.id,
            "guardrailArn": self._arn(made),
            "version": DRAFT,
            "updatedAt": utc(made.updated_at),
        }

    def create_guardrail_version(self, params: Params) -> Result:
        """Keep the draft as a version that doesn't change."""
        made = self._store.publish(params["guardrailIdentifier"], params.get("description"))
        return {"guardrailId": made.id, "version": made.version}

    def get_guardrail(self, params: Params) -> Result:
        """Describe one version."""
        found = self._store.get(params["guardrailIdentifier"], params.get("guardrailVersion"))
        policies = {name.removesuffix("Config"): _policy_shown(found, name) for name in _KEPT}
        return {
            **self._summary(found, id_name="guardrailId", arn_name="guardrailArn"),
            "blockedInputMessaging": found.policy["blockedInputMessaging"],
            "blockedOutputsMessaging": found.policy["blockedOutputsMessaging"],
            **{name: shown for name, shown in policies.items() if shown},
        }

    def list_guardrails(self, params: Params) -> Result:
        """List the drafts of every guardrail, or every version of one. All are on one page."""
        if "nextToken" in params:
            raise invalid(
                "The nextToken is not one that was given; every guardrail is on one page."
            )
        one = params.get("guardrailIdentifier")
        found = self._store.drafts() if one is None else self._store.versions(one)
        return {"guardrails": [self._summary(each) for each in found]}

    def delete_guardrail(self, params: Params) -> Result:
        """Delete a guardrail, or one version of it."""
        self._store.delete(params["guardrailIdentifier"], params.get("guardrailVersion"))
        return {}

    def _summary(
        self, found: Guardrail, id_name: str = "id", arn_name: str = "arn"
    ) -> dict[str, Any]:
        return {
            id_name: found.id,
            arn_name: self._arn(found),
            "status": "READY",
            "name": found.policy["name"],
            "description": found.description,
            "version": found.version,
            "createdAt": utc(found.created_at),
            "updatedAt": utc(found.updated_at),
        }

    def _arn(self, found: Guardrail) -> str:
        return self._surroundings.arn("bedrock", f"guardrail/{found.id}")


def _policy(params: Params) -> dict[str, Any]:
    """Return what is kept of a guardrail. Raises ValidationException."""
    for name in params:
        if name not in _ABOUT:
            raise invalid(
                f"The local cloud's guardrails go by rules and can't keep {name}; they keep "
                f"{' and '.join(_KEPT)}. Leave out {name}, or use AWS."
            )
    if not any(params.get(name) for name in _KEPT):
        raise invalid("You must specify at least one policy configuration to create a guardrail.")
    for complaint in _complaints(params):
        raise invalid(complaint)
    left = ("clientRequestToken", "guardrailIdentifier", "tags")
    return {name: value for name, value in params.items() if name not in left}


def _complaints(params: Params) -> Iterator[str]:
    if params.get("wordPolicyConfig", {}).get("managedWordListsConfig"):
        yield "The local cloud has no managed list of words; name the words in wordsConfig."
    sensitive = params.get("sensitiveInformationPolicyConfig", {})
    for kind in sensitive.get("piiEntitiesConfig", ()):
        if kind["type"] not in RULES:
            yield (
                f"No rule tells {kind['type']}, and the local cloud has no model for it. "
                f"There are rules for {', '.join(sorted(RULES))}."
            )
    for regex in sensitive.get("regexesConfig", ()):
        complaint = _regex_complaint(regex)
        if complaint:
            yield complaint


def _regex_complaint(regex: Mapping[str, Any]) -> str | None:
    try:
        re.compile(regex["pattern"])
    except re.error as error:
        return f"The pattern of the regex {regex['name']} is not valid: {error}."
    if re.search(r"\(\?<?[=!]", regex["pattern"]):
        return f"The pattern of the regex {regex['name']} looks around, which guardrails don't do."
    return None


def _policy_shown(found: Guardrail, name: str) -> dict[str, Any]:
    kept = found.policy.get(name) or {}
    return {_SHOWN[part]: rules for part, rules in kept.items() if rules}
