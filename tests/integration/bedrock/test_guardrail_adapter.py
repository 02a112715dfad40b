"""The adapter of guardrails against the local cloud's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.guardrails import MOST_BLOCKS, MOST_CHARACTERS, BedrockGuardrail
from chalicelib.errors import HeadraceError, ModelFailure, Throttled, Transient

Make = Callable[[str], Any]
MAIL = "ada@example.org"


@pytest.fixture(scope="module")
def guardrail(client: Make) -> BedrockGuardrail:
    pii = {"piiEntitiesConfig": [{"type": "EMAIL", "action": "ANONYMIZE"}]}
    regex = [{"name": "ticket", "pattern": r"T-\d{4}", "action": "BLOCK"}]
    made = client("bedrock").create_guardrail(
        name=f"g-{uuid.uuid4().hex[:8]}",
        wordPolicyConfig={"wordsConfig": [{"text": "weir"}]},
        sensitiveInformationPolicyConfig={**pii, "regexesConfig": regex},
        blockedInputMessaging="No.",
        blockedOutputsMessaging="No.",
    )
    return BedrockGuardrail(client("bedrock-runtime"), made["guardrailId"], "DRAFT")


def test_what_is_blocked_should_name_its_rule_and_not_what_was_said(
    guardrail: BedrockGuardrail,
) -> None:
    assert guardrail.apply("INPUT", ["A pump.", "The weir."]).blocked == "word.customWords"
    assert guardrail.apply("OUTPUT", ["See T-1234."]).blocked == "sensitiveInformation.ticket"


def test_what_is_masked_should_come_back_in_its_place(guardrail: BedrockGuardrail) -> None:
    found = guardrail.apply("INPUT", ["A pump.", f"Write to {MAIL}.", "Thanks."])
    assert found.texts == ("A pump.", "Write to {EMAIL}.", "Thanks.")
    assert (found.blocked, found.masked) == ("", ("sensitiveInformation.EMAIL",))


def test_what_is_harmless_should_pass_as_it_is(guardrail: BedrockGuardrail) -> None:
    found = guardrail.apply("OUTPUT", ["A pump."])
    assert (found.texts, found.blocked, found.masked) == (("A pump.",), "", ())


def test_a_long_text_should_be_assessed_to_its_end_and_come_back_whole(
    guardrail: BedrockGuardrail,
) -> None:
    text = "pump " * (MOST_CHARACTERS // 4) + MAIL
    found = guardrail.apply("INPUT", [text])
    assert found.texts == (text.replace(MAIL, "{EMAIL}"),)
    assert guardrail.apply("INPUT", [text + " weir"]).blocked


def test_a_guardrail_that_is_not_there_should_be_the_operators_fault(client: Make) -> None:
    gone = BedrockGuardrail(client("bedrock-runtime"), "abcdefghij", "DRAFT")
    with pytest.raises(HeadraceError) as caught:
        gone.apply("INPUT", ["Hi"])
    assert type(caught.value) is HeadraceError


class Scripted:
    """A client that answers as it is told, and counts the texts of each request."""

    def __init__(self, *answers: Mapping[str, Any] | str) -> None:
        self.answers = list(answers)
        self.texts: list[int] = []

    def apply_guardrail(self, **given: Any) -> Mapping[str, Any]:
        self.texts.append(len(given["content"]))
        answer = self.answers.pop(0) if self.answers else {"action": "NONE"}
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": "no"}}, "ApplyGuardrail")
        return answer


def scripted(*answers: Mapping[str, Any] | str) -> tuple[Scripted, BedrockGuardrail]:
    client: Any = Scripted(*answers)
    return client, BedrockGuardrail(client, "g", "1")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", Throttled),
        ("ServiceQuotaExceededException", Throttled),
        ("InternalServerException", Transient),
        ("ValidationException", HeadraceError),
        ("AccessDeniedException", HeadraceError),
    ],
)
def test_errors_of_the_service_should_be_told_as_ours(code: str, kind: type[HeadraceError]) -> None:
    _, guardrail = scripted(code)
    with pytest.raises(HeadraceError) as caught:
        guardrail.apply("INPUT", ["Hi"])
    assert type(caught.value) is kind


def masked(*texts: str) -> dict[str, Any]:
    entities = [{"type": "EMAIL", "action": "ANONYMIZED"}]
    return {
        "action": "GUARDRAIL_INTERVENED",
        "outputs": [{"text": text} for text in texts],
        "assessments": [{"sensitiveInformationPolicy": {"piiEntities": entities}}],
    }


def test_many_short_texts_should_go_into_few_requests() -> None:
    client, guardrail = scripted()
    guardrail.apply("INPUT", ["Hi"] * (MOST_BLOCKS + 1))
    assert client.texts == [MOST_BLOCKS, 1]


def test_texts_should_be_asked_for_one_by_one_where_they_come_back_as_one() -> None:
    client, guardrail = scripted(masked("a {EMAIL} b"), masked("a {EMAIL}"), {"action": "NONE"})
    assert guardrail.apply("INPUT", [f"a {MAIL}", "b"]).texts == ("a {EMAIL}", "b")
    assert client.texts == [2, 1, 1]


def test_a_masked_text_that_does_not_come_back_should_be_a_failure() -> None:
    _, guardrail = scripted(masked())
    with pytest.raises(ModelFailure):
        guardrail.apply("INPUT", [MAIL])


def test_an_intervention_by_a_rule_that_is_not_known_should_block() -> None:
    _, guardrail = scripted({"action": "GUARDRAIL_INTERVENED", "assessments": [{}]})
    assert guardrail.apply("INPUT", ["Hi"]).blocked == "unnamed"
