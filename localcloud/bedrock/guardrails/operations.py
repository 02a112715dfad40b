"""The operations on guardrails. Policies that need a model are refused.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateGuardrail.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.bedrock.content import validation_error
from localcloud.bedrock.guardrails.pii import PII_RULES
from localcloud.bedrock.guardrails.store import DRAFT, GuardrailStore, GuardrailVersion
from localcloud.clock import utc
from localcloud.service import CloudContext, Params, Result

_POLICY_FIELDS = ("wordPolicyConfig", "sensitiveInformationPolicyConfig")
_SUPPORTED_FIELDS = frozenset(
    {"name", "description", "blockedInputMessaging", "blockedOutputsMessaging", "tags"}
    | {"clientRequestToken", "guardrailIdentifier", *_POLICY_FIELDS}
)
_RESPONSE_NAMES = {
    "wordsConfig": "words",
    "piiEntitiesConfig": "piiEntities",
    "regexesConfig": "regexes",
}


class GuardrailOperations:
    """The operations on guardrails of words, regular expressions and personal data."""

    def __init__(self, surroundings: CloudContext, store: GuardrailStore) -> None:
        """Store guardrails in `store`."""
        self._surroundings = surroundings
        self._store = store

    def create_guardrail(self, params: Params) -> Result:
        """Create a guardrail. Raises ValidationException for policies that are not supported."""
        guardrail = self._store.create(_parse_policy(params), params.get("clientRequestToken"))
        return {
            "guardrailId": guardrail.id,
            "guardrailArn": self._arn(guardrail),
            "version": DRAFT,
            "createdAt": utc(guardrail.created_at),
        }

    def update_guardrail(self, params: Params) -> Result:
        """Replace the draft of a guardrail."""
        guardrail = self._store.update(params["guardrailIdentifier"], _parse_policy(params))
        return {
            "guardrailId": guardrail.id,
            "guardrailArn": self._arn(guardrail),
            "version": DRAFT,
            "updatedAt": utc(guardrail.updated_at),
        }

    def create_guardrail_version(self, params: Params) -> Result:
        """Create an immutable version from the draft."""
        guardrail = self._store.publish(params["guardrailIdentifier"], params.get("description"))
        return {"guardrailId": guardrail.id, "version": guardrail.version}

    def get_guardrail(self, params: Params) -> Result:
        """Return the description of a version."""
        guardrail = self._store.get(params["guardrailIdentifier"], params.get("guardrailVersion"))
        policies = {
            name.removesuffix("Config"): _render_policy(guardrail, name) for name in _POLICY_FIELDS
        }
        return {
            **self._summary(guardrail, id_name="guardrailId", arn_name="guardrailArn"),
            "blockedInputMessaging": guardrail.policy["blockedInputMessaging"],
            "blockedOutputsMessaging": guardrail.policy["blockedOutputsMessaging"],
            **{name: rules for name, rules in policies.items() if rules},
        }

    def list_guardrails(self, params: Params) -> Result:
        """List the draft of each guardrail, or all versions of one. There is a single page."""
        if "nextToken" in params:
            raise validation_error("The nextToken is not valid; all guardrails are on one page.")
        identifier = params.get("guardrailIdentifier")
        guardrails = (
            self._store.drafts() if identifier is None else self._store.versions(identifier)
        )
        return {"guardrails": [self._summary(guardrail) for guardrail in guardrails]}

    def delete_guardrail(self, params: Params) -> Result:
        """Delete a guardrail, or one version of it."""
        self._store.delete(params["guardrailIdentifier"], params.get("guardrailVersion"))
        return {}

    def _summary(
        self, guardrail: GuardrailVersion, id_name: str = "id", arn_name: str = "arn"
    ) -> dict[str, Any]:
        return {
            id_name: guardrail.id,
            arn_name: self._arn(guardrail),
            "status": "READY",
            "name": guardrail.policy["name"],
            "description": guardrail.description,
            "version": guardrail.version,
            "createdAt": utc(guardrail.created_at),
            "updatedAt": utc(guardrail.updated_at),
        }

    def _arn(self, guardrail: GuardrailVersion) -> str:
        return self._surroundings.arn("bedrock", f"guardrail/{guardrail.id}")


def _parse_policy(params: Params) -> dict[str, Any]:
    """Return the parameters that are stored as policy. Raises ValidationException."""
    for name in params:
        if name not in _SUPPORTED_FIELDS:
            raise validation_error(
                f"The local cloud's guardrails are rules and don't support {name}; they support "
                f"{' and '.join(_POLICY_FIELDS)}. Leave out {name}, or use AWS."
            )
    if not any(params.get(name) for name in _POLICY_FIELDS):
        raise validation_error(
            "You must specify at least one policy configuration to create a guardrail."
        )
    for problem in _policy_problems(params):
        raise validation_error(problem)
    excluded = ("clientRequestToken", "guardrailIdentifier", "tags")
    return {name: value for name, value in params.items() if name not in excluded}


def _policy_problems(params: Params) -> Iterator[str]:
    if params.get("wordPolicyConfig", {}).get("managedWordListsConfig"):
        yield "The local cloud has no managed list of words; name the words in wordsConfig."
    sensitive = params.get("sensitiveInformationPolicyConfig", {})
    for kind in sensitive.get("piiEntitiesConfig", ()):
        if kind["type"] not in PII_RULES:
            yield (
                f"No rule tells {kind['type']}, and the local cloud has no model for it. "
                f"There are rules for {', '.join(sorted(PII_RULES))}."
            )
    for regex in sensitive.get("regexesConfig", ()):
        problem = _regex_problem(regex)
        if problem:
            yield problem


def _regex_problem(regex: Mapping[str, Any]) -> str | None:
    try:
        re.compile(regex["pattern"])
    except re.error as error:
        return f"The pattern of the regex {regex['name']} is not valid: {error}."
    if re.search(r"\(\?<?[=!]", regex["pattern"]):
        return f"The pattern of the regex {regex['name']} looks around, which guardrails don't do."
    return None


def _render_policy(guardrail: GuardrailVersion, name: str) -> dict[str, Any]:
    config = guardrail.policy.get(name) or {}
    return {_RESPONSE_NAMES[part]: rules for part, rules in config.items() if rules}
