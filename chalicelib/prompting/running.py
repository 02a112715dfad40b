"""A prompt run to its end: turn after turn, thoughts cut off, and the verifier's word on it.

Whoever asks models is passed in, with its plans, budgets and receipts; here is only what is asked
next and what of a reply goes on. Plan, then expand: Wang et al. 2023,
https://arxiv.org/abs/2305.04091.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import ChatCall, ChatOutput, ImageCall, ImageOutput, Terms
from chalicelib.errors import ModelFailure
from chalicelib.prompting.answers import Answer, Verdict, read_verdict
from chalicelib.prompting.replies import answer_of

if TYPE_CHECKING:
    from chalicelib.contracts.prompts import PromptContent
    from chalicelib.prompting.fencing import Value
    from chalicelib.prompting.rendering import Prompt

Ask = Callable[[ChatCall | ImageCall, Terms], ChatOutput | ImageOutput]


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a prompt: the output of each turn, or pictures of the last, and a verdict.

    `reasonings` are what was thought, by turn; nobody is shown it who did not ask for it.
    """

    outputs: Mapping[str, str]
    images: ImageOutput | None = None
    verdict: Verdict | None = None
    reasonings: Mapping[str, str] = field(default_factory=dict)


def run(prompt: Prompt, values: Mapping[str, Value], ask: Ask, fence: str) -> Ran:
    """Return what `ask` makes of the prompt's turns, and of its verifier where it has one.

    Raises:
        InvalidInput: a template breaks off.
        ModelFailure: an answer is not what the turn asks for. What `ask` raises goes through.
    """
    outputs: dict[str, str] = {}
    reasonings: dict[str, str] = {}
    for position, turn in enumerate(prompt.content.turns):
        reply = ask(prompt.call(position, values, outputs, fence), prompt.terms(position))
        if isinstance(reply, ImageOutput):
            return Ran(outputs, reply, reasonings=reasonings)
        answer = read_answer(prompt.content, position, reply.text)
        outputs[turn.name] = answer.text
        if answer.reasoning:
            reasonings[turn.name] = answer.reasoning
    if prompt.verifier is None:
        return Ran(outputs, reasonings=reasonings)
    reply = ask(prompt.verification(values, outputs, fence), prompt.terms())
    if isinstance(reply, ImageOutput):
        raise ModelFailure("The verifier was answered with pictures.")
    return Ran(outputs, verdict=read_verdict(reply.text), reasonings=reasonings)


def read_answer(content: PromptContent, position: int, text: str) -> Answer:
    """Return what of a reply to turn `position` is its output; raises as `answer_of` does."""
    is_last = position == len(content.turns) - 1
    schema = content.output_schema if is_last else None
    return answer_of(text, reasons=content.turns[position].reasoning, schema=schema)
