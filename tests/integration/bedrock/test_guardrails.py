"""Guardrails as boto3 sees them.

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Make = Callable[[str], Any]
NOVA = "us.amazon.nova-micro-v1:0"


def policy(**more: Any) -> dict[str, Any]:
    return {
        "name": f"g-{uuid.uuid4().hex[:8]}",
        "wordPolicyConfig": {"wordsConfig": [{"text": "weir"}]},
        "sensitiveInformationPolicyConfig": {
            "piiEntitiesConfig": [{"type": "EMAIL", "action": "ANONYMIZE"}]
        },
        "blockedInputMessaging": "Not about weirs.",
        "blockedOutputsMessaging": "No answer about weirs.",
        **more,
    }


@pytest.fixture(scope="module")
def guardrail(client: Make) -> dict[str, str]:
    made = client("bedrock").create_guardrail(**policy())
    return {"guardrailIdentifier": made["guardrailId"], "guardrailVersion": "DRAFT"}


def asked(text: str, guardrail: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "modelId": NOVA,
        "messages": [{"role": "user", "content": [{"text": text}]}],
        "inferenceConfig": {"maxTokens": 4, "temperature": 0},
        "guardrailConfig": {**guardrail, **more},
    }


def test_a_guardrail_should_be_kept_in_versions(client: Make) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateGuardrailVersion.html"""
    bedrock = client("bedrock")
    made = bedrock.create_guardrail(**policy(description="first", clientRequestToken="same-one"))
    guardrail_id = made["guardrailId"]
    assert made["version"] == "DRAFT"
    assert made["guardrailArn"].endswith(f":guardrail/{guardrail_id}")
    again = bedrock.create_guardrail(**policy(clientRequestToken="same-one"))
    assert again["guardrailId"] == guardrail_id
    version = bedrock.create_guardrail_version(guardrailIdentifier=guardrail_id)["version"]
    assert version == "1"
    changed = policy(wordPolicyConfig={"wordsConfig": [{"text": "dam"}]})
    bedrock.update_guardrail(guardrailIdentifier=guardrail_id, **changed)
    draft = bedrock.get_guardrail(guardrailIdentifier=made["guardrailArn"])
    kept = bedrock.get_guardrail(guardrailIdentifier=guardrail_id, guardrailVersion="1")
    assert draft["wordPolicy"]["words"] == [{"text": "dam"}]
    assert kept["wordPolicy"]["words"] == [{"text": "weir"}]
    assert (kept["status"], kept["sensitiveInformationPolicy"]["piiEntities"][0]["type"]) == (
        "READY",
        "EMAIL",
    )
    listed = bedrock.list_guardrails(guardrailIdentifier=guardrail_id)["guardrails"]
    assert {each["version"] for each in listed} == {"DRAFT", "1"}
    assert guardrail_id in {each["id"] for each in bedrock.list_guardrails()["guardrails"]}
    bedrock.delete_guardrail(guardrailIdentifier=guardrail_id)
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_guardrail(guardrailIdentifier=guardrail_id, guardrailVersion="1")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {
                "contentPolicyConfig": {
                    "filtersConfig": [
                        {"type": "HATE", "inputStrength": "HIGH", "outputStrength": "HIGH"}
                    ]
                }
            },
            "don't support contentPolicyConfig",
        ),
        (
            {"wordPolicyConfig": {"managedWordListsConfig": [{"type": "PROFANITY"}]}},
            "no managed list of words",
        ),
        (
            {
                "sensitiveInformationPolicyConfig": {
                    "piiEntitiesConfig": [{"type": "NAME", "action": "BLOCK"}]
                }
            },
            "No rule tells NAME",
        ),
        (
            {
                "sensitiveInformationPolicyConfig": {
                    "regexesConfig": [{"name": "r", "pattern": "(", "action": "BLOCK"}]
                }
            },
            "pattern of the regex r is not valid",
        ),
        (
            {
                "sensitiveInformationPolicyConfig": {
                    "regexesConfig": [{"name": "r", "pattern": "a(?=b)", "action": "BLOCK"}]
                }
            },
            "looks around",
        ),
    ],
)
def test_what_rules_cannot_keep_should_be_refused(
    client: Make, more: dict[str, Any], message: str
) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateGuardrail.html"""
    with pytest.raises(ClientError, match=message) as caught:
        client("bedrock").create_guardrail(**policy(**more))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_apply_guardrail_should_tell_what_it_found(client: Make, guardrail: dict[str, str]) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html"""

    def apply(text: str, source: str) -> dict[str, Any]:
        answer: dict[str, Any] = client("bedrock-runtime").apply_guardrail(
            **guardrail, source=source, content=[{"text": {"text": text}}]
        )
        return answer

    passed = apply("A mill.", "INPUT")
    assert (passed["action"], passed["outputs"]) == ("NONE", [])
    blocked = apply("A weir.", "OUTPUT")
    assert blocked["action"] == "GUARDRAIL_INTERVENED"
    assert blocked["outputs"] == [{"text": "No answer about weirs."}]
    assert blocked["assessments"][0]["wordPolicy"]["customWords"][0]["match"] == "weir"
    masked = apply("Ask a@b.example.", "INPUT")
    assert masked["outputs"] == [{"text": "Ask {EMAIL}."}]
    assert masked["usage"]["wordPolicyUnits"] == 1
    assert masked["guardrailCoverage"]["textCharacters"]["guarded"] == 16


def test_apply_guardrail_should_refuse_what_it_cannot_check(
    client: Make, guardrail: dict[str, str]
) -> None:
    runtime = client("bedrock-runtime")
    image = {"image": {"format": "png", "source": {"bytes": b"x"}}}
    grounding = {"text": {"text": "x", "qualifiers": ["grounding_source"]}}
    for block, message in ((image, "has an image"), (grounding, "check no grounding")):
        with pytest.raises(ClientError, match=message):
            runtime.apply_guardrail(**guardrail, source="INPUT", content=[block])
    with pytest.raises(runtime.exceptions.ResourceNotFoundException):
        runtime.apply_guardrail(
            guardrailIdentifier="none1", guardrailVersion="1", source="INPUT", content=[]
        )


def test_input_that_is_blocked_should_reach_no_model(
    client: Make, guardrail: dict[str, str]
) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html"""
    answer = client("bedrock-runtime").converse(**asked("A weir?", guardrail, trace="enabled"))
    assert answer["stopReason"] == "guardrail_intervened"
    assert answer["output"]["message"]["content"] == [{"text": "Not about weirs."}]
    assert answer["usage"]["totalTokens"] == 0
    (assessment,) = answer["trace"]["guardrail"]["inputAssessment"].values()
    assert assessment["wordPolicy"]["customWords"][0]["action"] == "BLOCKED"
    assert "trace" not in client("bedrock-runtime").converse(**asked("A weir?", guardrail))
    streamed = client("bedrock-runtime").converse_stream(**asked("A weir?", guardrail))
    events = list(streamed["stream"])
    assert events[1]["contentBlockDelta"]["delta"]["text"] == "Not about weirs."


def test_only_what_is_marked_should_be_checked_where_anything_is(
    client: Make, guardrail: dict[str, str]
) -> None:
    call = asked("A mill?", guardrail)
    call["messages"][0]["content"].append({"guardContent": {"text": {"text": "A weir?"}}})
    answer = client("bedrock-runtime").converse(**call)
    assert answer["stopReason"] == "guardrail_intervened"
    call["messages"][0]["content"] = [
        {"text": "A weir?"},
        {"guardContent": {"text": {"text": "Say hi."}}},
    ]
    answer = client("bedrock-runtime").converse(**call)
    assert answer["usage"]["outputTokens"] > 0


def test_output_should_be_checked_whole_before_any_of_it_is_sent(client: Make) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-streaming.html"""
    anything = {"regexesConfig": [{"name": "letters", "pattern": "[A-Za-z]+", "action": "BLOCK"}]}
    anything["regexesConfig"][0]["inputAction"] = "NONE"
    made = client("bedrock").create_guardrail(**policy(sensitiveInformationPolicyConfig=anything))
    held = {"guardrailIdentifier": made["guardrailId"], "guardrailVersion": "DRAFT"}
    events = list(client("bedrock-runtime").converse_stream(**asked("Say hi.", held))["stream"])
    texts = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    assert texts == ["No answer about weirs."]
    assert events[-2]["messageStop"]["stopReason"] == "guardrail_intervened"
    assert events[-1]["metadata"]["usage"]["outputTokens"] > 0


def test_an_invocation_should_be_guarded_too(client: Make, guardrail: dict[str, str]) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-invoke-api.html"""
    body = {"messages": [{"role": "user", "content": [{"text": "A weir?"}]}]}
    answer = client("bedrock-runtime").invoke_model(
        modelId="amazon.nova-lite-v1:0", body=json.dumps(body), trace="ENABLED", **guardrail
    )
    said = json.loads(answer["body"].read())
    assert said["amazon-bedrock-guardrailAction"] == "INTERVENED"
    assert said["amazon-bedrock-trace"]["guardrail"]["inputAssessment"]
    assert said["output"]["message"]["content"] == [{"text": "Not about weirs."}]
