from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.contracts.openai.moderations import ModerationRequest
from chalicelib.contracts.screening import Category, Finding
from chalicelib.errors import HeadraceError, InvalidInput, Unsupported
from chalicelib.openai.moderations import (
    RULES_BY_CATEGORY,
    SCREENED_CATEGORIES,
    ModerationInput,
    moderation_inputs,
    moderation_response,
)
from chalicelib.screening.policies import HARMFUL
from chalicelib.screening.text_screening import CATEGORIES

PNG = "data:image/png;base64," + base64.b64encode(b"PNG").decode()


def asked(given: Any, **more: Any) -> ModerationRequest:
    return ModerationRequest.model_validate_json(json.dumps({"input": given, **more}), strict=True)


def one(rule: str, score: float = 0.9) -> Finding:
    category: Category = next(each for each in CATEGORIES if rule.startswith(f"{each}."))
    return Finding(rule=rule, category=category, text=0, score=score, words="w")


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("a", [ModerationInput(("a",))]),
        (["a", "b"], [ModerationInput(("a",)), ModerationInput(("b",))]),
        ([{"type": "text", "text": "a"}, picture(PNG)], [ModerationInput(("a",), (b"PNG",))]),
        ([picture(PNG), picture(PNG)], [ModerationInput((), (b"PNG", b"PNG"))]),
    ],
)
def test_each_text_should_have_a_result_and_parts_one_together(
    given: Any, inputs: list[ModerationInput]
) -> None:
    assert moderation_inputs(asked(given)) == inputs


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://example.org/a.png", Unsupported),
        ("data:image/svg+xml;base64,AAAA", Unsupported),
        ("data:image/png;base64,?", InvalidInput),
    ],
)
def test_a_picture_should_be_given_as_data(url: str, kind: type[HeadraceError]) -> None:
    with pytest.raises(kind) as refused:
        moderation_inputs(asked([{"type": "text", "text": "a"}, picture(url)]))
    assert refused.value.field == "input.1.image_url.url"


@pytest.mark.parametrize("given", ["", [], [""], ["a", {"type": "text", "text": "b"}], 5])
def test_what_is_no_input_should_be_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        asked(given)


def test_findings_should_be_told_by_openai_s_categories() -> None:
    inputs = [ModerationInput(("a",)), ModerationInput(("b",))]
    found = [[one("hate.call"), one("threat.intent", 0.8)], [one("sexual.explicit", 0.3)]]
    told = moderation_response(
        asked(["a", "b"], model="omni-moderation-latest"), "modr-1", inputs, found
    )
    assert (told.id, told.model) == ("modr-1", "omni-moderation-latest")
    first, second = told.results
    assert {name for name, yes in first.categories.items() if yes} == {
        "hate",
        "hate/threatening",
        "harassment/threatening",
        "violence",
    }
    assert first.category_scores["violence"] == 0.8
    assert first.rules == ("hate.call", "threat.intent")
    assert (second.flagged, second.category_scores["sexual"], second.rules) == (False, 0.3, ())


def test_what_was_not_looked_for_should_say_so() -> None:
    inputs = [ModerationInput(("a",), (b"x",)), ModerationInput((), (b"x",))]
    both, pictures = moderation_response(asked("a"), "i", inputs, [[], []]).results
    assert both.category_applied_input_types["sexual"] == ("text", "image")
    assert both.category_applied_input_types["illicit"] == ()
    assert pictures.category_applied_input_types["hate"] == ()
    assert pictures.category_applied_input_types["sexual"] == ("image",)


def test_every_rule_of_harm_should_stand_behind_a_category() -> None:
    from chalicelib.screening import harm, hostility

    assert set(SCREENED_CATEGORIES) == set(HARMFUL)
    named = {rule for rules in RULES_BY_CATEGORY.values() for rule in rules}
    known = {rule.id for rule in (*harm.RULES, *hostility.RULES)}
    kinds = {f"{rule.partition('.')[0]}.*" for rule in known}
    assert kinds <= named
    assert {rule for rule in named if not rule.endswith(".*")} <= known
    assert len(RULES_BY_CATEGORY) == 13
