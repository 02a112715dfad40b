"""What a guardrail makes of texts.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from localcloud.bedrock.guardrails.assessment import assess


def words(*texts: str, **more: Any) -> dict[str, Any]:
    return {"wordPolicyConfig": {"wordsConfig": [{"text": text, **more} for text in texts]}}


def sensitive(*, kinds: Any = (), regexes: Any = ()) -> dict[str, Any]:
    return {
        "sensitiveInformationPolicyConfig": {
            "piiEntitiesConfig": [{"type": kind, "action": action} for kind, action in kinds],
            "regexesConfig": [
                {"name": name, "pattern": pattern, "action": action}
                for name, pattern, action in regexes
            ],
        }
    }


def test_a_denied_word_should_block_whatever_its_case_and_never_within_another() -> None:
    policy = words("weir", "old mill")
    outcome = assess(policy, "INPUT", ["The Weir, the OLD\n mill."])
    assert outcome.blocked
    found = outcome.assessment["wordPolicy"]["customWords"]
    assert [(each["match"], each["action"]) for each in found] == [
        ("Weir", "BLOCKED"),
        ("OLD\n mill", "BLOCKED"),
    ]
    assert not assess(policy, "INPUT", ["weirs and old windmills"]).intervened


def test_data_should_be_masked_by_its_kind_and_by_ones_own_names() -> None:
    policy = sensitive(
        kinds=[("EMAIL", "ANONYMIZE"), ("PHONE", "NONE")],
        regexes=[("ticket", r"T-\d+", "ANONYMIZE")],
    )
    outcome = assess(policy, "OUTPUT", ["Ask a@b.example on T-17, 555 123 4567.", "Nothing."])
    assert outcome.texts == ("Ask {EMAIL} on {ticket}, 555 123 4567.", "Nothing.")
    assert (outcome.blocked, outcome.masked, outcome.intervened) == (False, True, True)
    found = outcome.assessment["sensitiveInformationPolicy"]
    actions = {each["type"]: each["action"] for each in found["piiEntities"]}
    assert actions == {"EMAIL": "ANONYMIZED", "PHONE": "NONE"}
    assert found["regexes"] == [
        {
            "match": "T-17",
            "name": "ticket",
            "regex": r"T-\d+",
            "action": "ANONYMIZED",
            "detected": True,
        }
    ]


def test_input_and_output_should_each_have_rules_of_their_own() -> None:
    policy = words("weir", inputAction="NONE", outputEnabled=False)
    seen = assess(policy, "INPUT", ["weir"])
    assert (seen.intervened, len(seen.assessment["wordPolicy"]["customWords"])) == (False, 1)
    assert assess(policy, "OUTPUT", ["weir"]).assessment == {}


def test_units_should_be_thousands_of_characters_begun() -> None:
    policy = {**words("x"), **sensitive(regexes=[("n", "n", "BLOCK")])}
    outcome = assess(policy, "INPUT", ["a" * 1001, "b"])
    assert (outcome.units["wordPolicyUnits"], outcome.units["topicPolicyUnits"]) == (3, 0)
    assert outcome.units["sensitiveInformationPolicyFreeUnits"] == 3
    assert outcome.units["sensitiveInformationPolicyUnits"] == 0


@given(text=st.text(max_size=80), word=st.text("ab .*", min_size=1, max_size=5))
def test_what_is_not_masked_should_stay_as_it_is(text: str, word: str) -> None:
    policy = sensitive(kinds=[("EMAIL", "ANONYMIZE"), ("URL", "ANONYMIZE")])
    outcome = assess({**policy, **words(word)} if word.strip() else policy, "INPUT", [text])
    if not outcome.masked:
        assert outcome.texts == (text,)
    for finding in outcome.assessment.get("wordPolicy", {}).get("customWords", ()):
        assert finding["match"].lower().split() == word.lower().split()
