"""Which of Bedrock's models roles may ask: all of `models/served.json`, of which the stage's model
for answers is one. They are put in where a policy says `Resource: !Ref ServedModels`.

A model is asked by its own id or by that of an inference profile, and who asks through a profile
needs the model behind it too, in each region that the profile chooses from.
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
"""

from __future__ import annotations

from typing import Any

from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import BedrockBackend

_MARK = {"Ref": "ServedModels"}
_BEDROCK = "arn:${AWS::Partition}:bedrock"


def name_models(template: Any) -> None:
    """Give each statement on `ServedModels`, anywhere in `template`, the ARNs of all of them."""
    if isinstance(template, dict):
        for statement in template.get("Statement") or ():
            if isinstance(statement, dict) and statement.get("Resource") == _MARK:
                statement["Resource"] = _served_models()
        template = list(template.values())
    if isinstance(template, list):
        for each in template:
            name_models(each)


def _served_models() -> list[dict[str, str]]:
    """Return the ARNs of all served models, in any region, and of their inference profiles.

    A role's policies hold 10,240 characters, so a profile's geography is left open: what it leads
    to is a model that may be asked anyway.
    """
    found = []
    for model in served_models().models.values():
        backend = model.backend
        if isinstance(backend, BedrockBackend):
            found.append(f"{_BEDROCK}:*::foundation-model/{backend.model_id}")
            if backend.profiles:
                own = f"${{AWS::Region}}:${{AWS::AccountId}}:inference-profile/*.{backend.model_id}"
                found.append(f"{_BEDROCK}:{own}")
    return [{"Fn::Sub": arn} for arn in found]
