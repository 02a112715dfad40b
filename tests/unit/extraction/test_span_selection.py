"""A language model chooses among spans: what it says is held to the document, or refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.extraction_models import ModelTerms
from chalicelib.contracts.extractions import Extraction
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ChatOutput,
    Finish,
    Generation,
    Terms,
    TextPart,
    Usage,
)
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.errors import (
    HeadraceError,
    NoAnswer,
    QuotaExceeded,
    Throttled,
    Unsupported,
)
from chalicelib.extraction.choice import ChosenValue, choose
from chalicelib.extraction.document_values import DocumentReading
from chalicelib.extraction.open_fields import MAX_OFFERS, open_fields
from chalicelib.extraction.ranker import RankedCandidates
from chalicelib.extraction.span_selection import prompt
from chalicelib.extraction.span_selection.likelihood import (
    MEASURED_RATIOS,
    RATIOS,
    likelihood_ratio,
    with_choice,
)
from chalicelib.extraction.span_selection.prompt import span_questions
from chalicelib.extraction.span_selection.selector import (
    MAX_CALLS,
    MAX_TRIES,
    ModelSelection,
    SpanSelector,
)
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.generation.model_file import served_models
from tests.unit.extraction.readings import TEXT, read_field, reading

TOTAL = {"total": {"type": "number"}}
AMOUNTS = {**TOTAL, "net": {"type": "number"}, "tax": {"type": "number"}}
TERMS = ModelTerms(model="nova-pro")
"""A model of tier 3."""


@dataclass
class FakeGenerator:
    """Answers with texts, numbers by the text of a span, or errors, one after the other."""

    answers: list[Mapping[str, Any] | str | HeadraceError]
    finish: Finish = "stop"
    answered_by: str = "us.amazon.nova-pro-v1:0"
    asked: list[ChatCall] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)

    def generate(
        self, call: Call, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
    ) -> Generation:
        assert isinstance(call, ChatCall)
        self.asked.append(call)
        self.terms.append(terms)
        answer = self.answers.pop(0)
        if isinstance(answer, HeadraceError):
            raise answer
        if not isinstance(answer, str):
            answer = json.dumps(
                {key: number(call, of) if of in shown(call) else of for key, of in answer.items()}
            )
        line = ReceiptLine(model="pro", role="chat", tokens_in=9, dollars=Decimal("0.01"))
        return Generation.model_validate(
            {
                "generation_id": "g",
                "created_at": "2026-12-01T00:00:00Z",
                "model": "nova-pro",
                "answered_by": self.answered_by,
                "output": ChatOutput(text=answer, finish=self.finish),
                "usage": Usage(),
                "attempts": (),
                "plan": (),
                "receipt": Receipt.of((line,)),
            }
        )


def shown(call: ChatCall) -> dict[str, int]:
    """Return the numbers of the spans that a call offers, by their text."""
    lines = [line for part in parts(call) for line in part.text.splitlines()]
    spans = [line[2:].partition(": ") for line in lines if line.startswith("> ")]
    return {text: int(number) for number, _, text in spans}


def number(call: ChatCall, text: object) -> int:
    return shown(call)[str(text)]


def parts(call: ChatCall) -> Sequence[TextPart]:
    return [part for part in call.messages[0].content if isinstance(part, TextPart)]


def select(
    read: DocumentReading,
    *answers: Mapping[str, Any] | str | HeadraceError,
    terms: ModelTerms = TERMS,
    **changes: Any,
) -> tuple[ModelSelection, Extraction, FakeGenerator]:
    """Return what is selected, the extraction with it, and the model that was asked."""
    model = replace(FakeGenerator(list(answers)), **changes)
    selector = SpanSelector(
        lambda: model, served_models, lambda: 0.0, lambda seconds: None, lambda: "@@fence"
    )
    found = selector.select(read, terms, Spender("acme"), 30.0)
    return found, read.extraction(found.selection), model


def test_a_chosen_span_should_become_a_value_with_evidence_and_the_stated_odds() -> None:
    number_ = {"number": {"type": "string"}}
    read = reading({**TOTAL, **number_}, {"total": {"120.00": 0.5}, "number": {"A-17": 0.95}})
    before = read.extraction()
    assert before.values == {"total": None, "number": "A-17"}
    found, after, model = select(read, {"f1": "120.00"})
    total, kept = after.fields
    assert (total.value, total.raw, total.method) == (120, "120.00", "model")
    (place,) = total.evidence
    assert TEXT[place.start : place.end] == "120.00"
    assert total.confidence == pytest.approx(with_choice(0.5, RATIOS[3]))
    assert (kept, after.status) == (before.fields[1], "complete")
    assert (found.choices.asked, found.choices.chosen, found.choices.refused) == (1, 1, {})
    (line,) = found.lines
    assert (line.role, line.dollars) == ("span selection", Decimal("0.01"))
    (call,) = model.asked
    assert "number" not in parts(call)[-1].text.replace("(number)", ""), "what is sure is not asked"
    assert "A-17" not in shown(call), "what is surely another's is not offered"


def test_the_document_should_reach_the_model_as_data_whose_numbers_it_cannot_make() -> None:
    read = reading(TOTAL, {"total": {"120.00": 0.5}})
    found, after, model = select(read, {"f1": 77})
    (call,) = model.asked
    untrusted = [part for part in parts(call) if part.origin == "untrusted"]
    assert "Ignore all instructions" in untrusted[0].text
    assert "Ignore" not in call.system + parts(call)[-1].text
    assert all(not line.startswith("> 77") for line in untrusted[0].text.splitlines()), (
        "a line of the document begins with a bar"
    )
    assert found.choices.refused == {"number": 1}
    assert (after.values, after.status) == ({"total": None}, "needs_review")
    assert (
        "/total: the model chose a number that stands for no span of this field." in after.reasons
    )

    # A model that obeys the document comes to another span of the right type, at worst.
    _, misled, _ = select(read, {"f1": "999.99"})
    assert misled.values == {"total": None}
    assert "'999.99' on page 1, which is right with a probability of 0.01 only" in misled.reasons[0]


@pytest.mark.parametrize("answer", [{"f1": 999}, {"f1": -1}, {"f1": True}, {"f1": "120.00 EUR"}])
def test_what_is_no_offered_number_should_be_refused_and_counted(answer: dict[str, Any]) -> None:
    read = reading({**TOTAL, "due": {"type": "string", "format": "date"}}, {})
    found, after, _ = select(read, json.dumps({**answer, "f2": 0}))
    assert (found.choices.asked, found.choices.refused) == (2, {"number": 1})
    assert after.values == {"total": None, "due": None}


def test_a_place_should_be_offered_once_with_its_likeliest_reading() -> None:
    read = reading(TOTAL, {"total": {"120.00": 0.5}})
    (field,) = read.fields
    assert isinstance(field.origin, ChosenValue)
    once = field.origin.field
    shares = (*once.ranked.shares, *(share / 2 for share in once.ranked.shares))
    twice = replace(
        once,
        candidates=once.candidates * 2,
        features=tuple(once.features) * 2,
        ranked=RankedCandidates(shares, 0.1),
    )
    doubled = replace(read, fields=(read_field(choose([twice], 0.9)[0]),))
    (asked,) = open_fields(doubled)
    assert len({offer.candidate.spans for offer in asked.offers}) == len(asked.offers)
    assert asked.offers[0].at == 0


def test_the_number_of_another_field_s_span_should_be_refused() -> None:
    read = reading({**TOTAL, "due": {"type": "string", "format": "date"}}, {})
    found, after, _ = select(read, {"f1": "2025-03-14", "f2": "120.00"})
    assert found.choices.refused == {"number": 2}
    assert after.values == {"total": None, "due": None}


def test_a_span_should_be_the_value_of_one_field_and_keep_to_the_rules() -> None:
    shares = {
        "total": {"120.00": 0.7},
        "net": {"120.00": 0.6, "100.00": 0.6},
        "tax": {"20.00": 0.6},
    }
    read = reading(AMOUNTS, shares, "total == net + tax")
    found, after, _ = select(read, {"f1": "120.00", "f2": "120.00", "f3": "20.00"})
    assert found.choices.refused == {"taken": 1}
    assert after.values == {"total": 120, "net": None, "tax": 20}
    broken = reading(
        AMOUNTS,
        {"total": {"120.00": 0.7}, "net": {"100.00": 0.95}, "tax": {"999.99": 0.6}},
        "total == net + tax",
    )
    found, after, _ = select(broken, {"f1": "120.00", "f2": "999.99"})
    assert found.choices.refused == {"rule": 1}
    assert after.values == {"total": 120, "net": 100, "tax": None}


def test_the_schema_should_say_how_sure_a_choice_has_to_be() -> None:
    strict = {"total": {"type": "number", "x-min-confidence": 0.95}}
    found, after, _ = select(reading(strict, {"total": {"120.00": 0.6}}), {"f1": "120.00"})
    assert (found.choices.refused, after.values) == ({"doubtful": 1}, {"total": None})
    mild = {"total": {"type": "number", "x-min-confidence": 0.4}}
    assert open_fields(reading(mild, {"total": {"120.00": 0.95}})) == []
    found, after, _ = select(reading(mild, {"total": {"999.99": 0.1}}), {"f1": "999.99"})
    assert (found.choices.chosen, after.values) == (1, {"total": 999.99})


def test_a_model_that_says_nothing_should_not_make_a_value_sure() -> None:
    read = reading(TOTAL, {"total": {"120.00": 0.75}})
    (stand_in,) = MEASURED_RATIOS
    found, after, _ = select(read, {"f1": "120.00"}, answered_by=stand_in)
    assert likelihood_ratio(1, stand_in) == 1.0
    assert found.choices.refused == {"doubtful": 1}
    assert after.values == {"total": None}


@pytest.mark.parametrize(
    ("answers", "finish", "kind", "may_pass", "calls"),
    [
        (['{"f1": 1'], "length", "NoAnswer", True, 1),
        (['{"f1": 1}'], "content_filter", "NoAnswer", True, 1),
        (["The total is 120.00."], "stop", "NoAnswer", True, 1),
        (["[1]"], "stop", "NoAnswer", True, 1),
        ([NoAnswer("No answer stands.")], "stop", "NoAnswer", True, 1),
        ([Throttled("slow down", retry_after=1)] * MAX_TRIES, "stop", "Throttled", True, MAX_TRIES),
        ([QuotaExceeded("used up")], "stop", "QuotaExceeded", True, 1),
        (
            [Unsupported("up to $0.2, and the budget is $0.05" * 50)],
            "stop",
            "Unsupported",
            False,
            1,
        ),
    ],
)
def test_a_failure_should_cost_no_value_and_be_told(
    answers: list[Any], finish: Finish, kind: str, may_pass: bool, calls: int
) -> None:
    sure = {"number": {"type": "string"}}
    read = reading({**TOTAL, **sure}, {"total": {"120.00": 0.5}, "number": {"A-17": 0.95}})
    found, after, model = select(read, *answers, finish=finish)
    assert after.fields == read.extraction().fields
    error = found.choices.error
    assert error is not None
    assert (error.type, found.choices.may_pass, len(model.asked)) == (kind, may_pass, calls)
    assert (found.choices.asked, found.choices.left) == (0, 1)
    assert after.status == "needs_review"
    assert after.reasons[0].startswith("The model nova-pro did not answer about an open field:")
    assert finish in after.reasons[0] or finish == "stop"
    assert len(after.reasons[0]) < 400, "of many models each says why it was not asked"


def test_a_call_that_had_no_room_should_be_made_again_and_paid_for_once() -> None:
    read = reading(TOTAL, {"total": {"120.00": 0.5}})
    found, after, model = select(read, Throttled("slow", retry_after=1), {"f1": "120.00"})
    assert (after.values, len(model.asked), len(found.lines)) == ({"total": 120}, 2, 1)
    _, _, hurried = select(read, Throttled("slow", retry_after=60))
    assert len(hurried.asked) == 1, "there is no time for another try"


def test_a_model_that_is_not_served_should_be_told_without_a_call() -> None:
    read = reading(TOTAL, {})
    found, _, model = select(read, terms=ModelTerms(model="gone"))
    assert found.choices.error is not None
    assert (found.choices.error.type, found.choices.may_pass) == ("NotFound", False)
    assert model.asked == []


def test_calls_fields_tokens_and_money_should_be_bounded() -> None:
    many = {f"amount{n}": {"type": "number"} for n in range(70)}
    text = "\n".join(f"Amount no. {n}: {n}.50" for n in range(20))
    read = reading(many, {}, text=text)
    asked = open_fields(read)
    assert {len(each.offers) for each in asked} == {MAX_OFFERS}
    nothing = [json.dumps({f"f{n}": 0 for n in range(1, 13)})] * MAX_CALLS
    found, after, model = select(read, *nothing, terms=ModelTerms(model="auto", quality=3))
    assert (len(model.asked), found.choices.asked, found.choices.left) == (MAX_CALLS, 48, 22)
    assert "22 open fields: there were more than fit in its calls" in after.reasons[0]
    budgets = [terms.budget for terms in model.terms]
    assert budgets == [Decimal(f"0.0{cents}") for cents in (5, 4, 3, 2)]
    assert all((terms.fallback, terms.quality) == (True, 3) for terms in model.terms)
    layout = read.reader.layouts[0]
    whole, _ = span_questions(asked[:12], layout, lambda: "@@f")
    assert len(whole) == 1
    halves, left = span_questions(asked[:12], layout, lambda: "@@f", 900)
    assert (len(halves) > 1, left) == (True, [])
    none, left = span_questions(asked[:2], layout, lambda: "@@f", 100)
    assert (none, len(left)) == ([], 2)
    assert max(len(each.fields) for each in whole) == prompt.MAX_FIELDS
