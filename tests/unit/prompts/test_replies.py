from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import ModelFailure
from chalicelib.prompts.reply_marks import (
    TurnAnswer,
    VerifierVerdict,
    cut_reasoning,
    format_reasoning,
    parse_verdict,
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<reasoning>\nTwo and two.\n</reasoning>\n4", TurnAnswer("4", "Two and two.")),
        ("  <reasoning>a</reasoning>4\n", TurnAnswer("4", "a")),
        ("Two and two.</reasoning>\n4", TurnAnswer("4", "Two and two.")),
        (
            "<reasoning>It ends with </reasoning>, later.</reasoning>4",
            TurnAnswer("4", "It ends with </reasoning>, later."),
        ),
        ("4", TurnAnswer("4")),
    ],
)
def test_should_cut_the_reasoning_off(text: str, answer: TurnAnswer) -> None:
    assert cut_reasoning(text) == answer


@pytest.mark.parametrize("text", ["<reasoning>and so on", "<reasoning>a</reasoning> \n"])
def test_should_refuse_thoughts_without_an_answer(text: str) -> None:
    with pytest.raises(ModelFailure, match="reasoning"):
        cut_reasoning(text)


@given(st.text().filter(lambda text: "reasoning>" not in text), st.text(min_size=1))
def test_should_read_what_examples_show(reasoning: str, output: str) -> None:
    if "reasoning>" in output or not output.strip():
        return
    read = cut_reasoning(format_reasoning(reasoning, output))
    assert (read.text, read.reasoning) == (output.strip(), reasoning.strip())


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("ACCEPT", VerifierVerdict(accepted=True)),
        ("**Accept.** It stands.", VerifierVerdict(accepted=True)),
        ("REJECT: March is missing.", VerifierVerdict(accepted=False, reason="March is missing.")),
        ("reject\nIt says May.", VerifierVerdict(accepted=False, reason="It says May.")),
        ("REJECT", VerifierVerdict(accepted=False, reason="The verifier gave no reason.")),
    ],
)
def test_should_read_a_verdict(text: str, verdict: VerifierVerdict) -> None:
    assert parse_verdict(text) == verdict


@pytest.mark.parametrize("text", ["", "It stands.", "ACCEPTABLE", "I would REJECT it"])
def test_should_take_no_word_for_a_verdict_that_is_none(text: str) -> None:
    with pytest.raises(ModelFailure, match="neither ACCEPT nor REJECT"):
        parse_verdict(text)
