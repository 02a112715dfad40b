"""Which of Bedrock's models roles may ask, put in where a policy says `Resource: !Ref ChatModelId`,
the stage's model for answers, or `!Ref ServedModels`, every model of `models/served.json`.

Which ARNs that takes is the same for every role that asks. A model is asked by its own id or by
that of an inference profile, and who asks through a profile needs the model behind it too, in each
region that the profile chooses from, on condition that the profile is what was asked.
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.generation.served import BedrockBackend, served

ASKED: tuple[str, ...] = ("${ChatModelId}",)
"""The ids, as `Fn::Sub` reads them, of all models and profiles that whoever asks may ask."""

_MARK = {"Ref": "ChatModelId"}
_SERVED = {"Ref": "ServedModels"}
_BEDROCK = "arn:${AWS::Partition}:bedrock"


def name_models(template: Any, asked: Sequence[str] = ASKED) -> None:
    """Replace each statement on `ChatModelId`, anywhere in `template`, by one on all of `asked`."""
    if isinstance(template, dict):
        if isinstance(template.get("Statement"), list):
            template["Statement"] = [
                each for given in template["Statement"] for each in _statements(given, asked)
            ]
        template = list(template.values())
    if isinstance(template, list):
        for each in template:
            name_models(each, asked)


def _served_models() -> list[dict[str, str]]:
    """Return the ARNs of all served models, in any region, and of their inference profiles.

    A role's policies hold 10,240 characters, so a profile's geography is left open: what it leads
    to is a model that may be asked anyway.
    """
    found = []
    for model in served().models.values():
        backend = model.backend
        if isinstance(backend, BedrockBackend):
            found.append(f"{_BEDROCK}:*::foundation-model/{backend.model_id}")
            if backend.profiles:
                own = f"${{AWS::Region}}:${{AWS::AccountId}}:inference-profile/*.{backend.model_id}"
                found.append(f"{_BEDROCK}:{own}")
    return [{"Fn::Sub": arn} for arn in found]


def _statements(given: dict[str, Any], asked: Sequence[str]) -> Iterator[dict[str, Any]]:
    if given.get("Resource") == _SERVED:
        yield {**given, "Resource": _served_models()}
        return
    if given.get("Resource") != _MARK:
        yield given
        return
    models, profiles = (
        [{"Fn::Sub": f"{_BEDROCK}:${{AWS::Region}}:{kind}/{each}"} for each in asked]
        for kind in (":foundation-model", "${AWS::AccountId}:inference-profile")
    )
    yield {**given, "Resource": [*models, *profiles]}
    yield {
        **given,
        "Sid": f"{given['Sid']}ThroughProfiles",
        "Resource": {"Fn::Sub": f"{_BEDROCK}:*::foundation-model/*"},
        "Condition": {"ArnLike": {"bedrock:InferenceProfileArn": profiles}},
    }
