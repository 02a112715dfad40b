"""The calls that a version makes: role and turns rendered, examples before, fences around.

What a model answered to a turn is as little to be trusted as what it was given, so outputs of
earlier turns are fenced as documents are. Image models take no instructions beside the prompt and
know no fences: there, such text only loses the marks of chat templates.

Few-shot examples: Brown et al. 2020, https://arxiv.org/abs/2005.14165.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import JsonValue

from chalicelib.contracts.generations import (
    ChatCall,
    ImageCall,
    JsonOutput,
    Message,
    Terms,
    TextPart,
)
from chalicelib.contracts.prompts import (
    MAX_DOCUMENT_CHARACTERS,
    DocumentVariable,
    ImageSettings,
    PromptContent,
    PromptTurn,
    Variable,
)
from chalicelib.errors import InvalidInput
from chalicelib.generation.tokens import estimated_tokens
from chalicelib.prompting.answers import ACCEPT, CLOSING, OPENING, REJECT, shown_reasoning
from chalicelib.prompting.budget import Budget
from chalicelib.prompting.compiling import Compiled, Rendered, compiled
from chalicelib.prompting.fencing import DATA, Untrusted, Value
from chalicelib.prompting.variables import checked_values

ANSWER = "answer"
"""What the last turn answered, to the verifier, whatever the turn is called."""
_REASONING = (
    f"Think before you answer: write your thoughts between {OPENING} and {CLOSING}. After "
    f"{CLOSING} write the answer, and nothing else."
)
_IN_JSON = "The answer is JSON that keeps to this JSON Schema: {schema}"
_CHECKER = "You check an answer that somebody else gave."
_VERDICT = (
    f"Begin with one word: {ACCEPT} where the answer stands, {REJECT} where it does not. After "
    f"{REJECT} give the reason, in one sentence."
)


class Prompt:
    """A version with its templates compiled: made once, it renders for any number of values.

    Raises `InvalidInput` where a template is none; field and line are named.
    """

    def __init__(self, content: PromptContent) -> None:
        self.content = content
        self.outputs = tuple(turn.name for turn in content.turns)
        documents = (
            name
            for name, variable in content.variables.items()
            if isinstance(variable, DocumentVariable)
        )
        self.untrusted = frozenset({*documents, *self.outputs, ANSWER})
        everything = frozenset({*content.variables, *self.outputs, ANSWER})
        self.role = compiled(content.role, "role", everything)
        self.turns = tuple(
            compiled(turn.template, f"turns.{n}.template", self._known(n))
            for n, turn in enumerate(content.turns)
        )
        last = self._known(len(content.turns) - 1)
        self.negative = compiled(content.negative_prompt, "negative_prompt", last)
        self.verifier: tuple[Compiled, Compiled] | None = None
        if content.verifier is not None:
            checker = content.verifier
            self.verifier = (
                compiled(checker.role or _CHECKER, "verifier.role", everything),
                compiled(checker.template, "verifier.template", everything),
            )

    def values(self, given: Mapping[str, JsonValue]) -> dict[str, Value]:
        """Return what is given, by its types. Raises `InvalidInput`, which names the variable."""
        return checked_values(self.content.variables, given, "variables")

    def terms(self, position: int | None = None) -> Terms:
        """Return the terms of a turn, or of the verifier.

        Checks are of what the prompt answers in the end; the schema is one of them.
        """
        terms = self.content.terms.terms()
        if position != len(self.turns) - 1:
            return terms.model_copy(update={"checks": ()})
        held = self.content.output_schema is not None and not self.content.turns[-1].reasoning
        checks = dict.fromkeys((*terms.checks, *(["schema"] if held else [])))
        return terms.model_copy(update={"checks": tuple(checks)})

    def call(
        self,
        position: int,
        values: Mapping[str, Value],
        outputs: Mapping[str, str],
        fence: str,
        budget: Budget | None = None,
    ) -> ChatCall | ImageCall:
        """Return what turn `position` sends, after the turns that gave `outputs`.

        `fence` is made up for the request, so that no document can know it.

        Raises:
            InvalidInput: a template breaks off or renders to nothing; field and line are named.
        """
        budget = budget or Budget()
        known = {**values, **_said(outputs, self.outputs[:position])}
        image = self.content.image
        if image is not None and position == len(self.turns) - 1:
            return self._picture(position, image, known, fence, budget)
        turn = self.content.turns[position]
        role = self.role.render(values, fence, budget=budget)
        messages, fences = self.examples(position, fence, budget)
        asked = _asked(self.turns[position], known, fence, budget)
        is_last = position == len(self.turns) - 1
        schema = self.content.output_schema if is_last else None
        words = [role.text]
        if turn.reasoning:
            words.append(_REASONING)
            if schema is not None:
                words.append(_IN_JSON.format(schema=json.dumps(schema, ensure_ascii=False)))
        if fences + asked.fences:
            words.append(DATA.format(fence=fence))
        settings = self.content.parameters
        return ChatCall(
            system=_paragraphs(words),
            messages=(*messages, _message("user", asked.text)),
            json_output=None
            if schema is None or turn.reasoning
            else JsonOutput(json_schema=schema),
            max_tokens=turn.max_tokens or settings.max_tokens,
            temperature=settings.temperature,
            top_p=settings.top_p,
            stop=settings.stop,
            seed=settings.seed,
        )

    def verification(
        self,
        values: Mapping[str, Value],
        outputs: Mapping[str, str],
        fence: str,
        budget: Budget | None = None,
    ) -> ChatCall:
        """Return the question whether the last of `outputs` stands.

        Raises:
            InvalidInput: the version has no verifier, or its template breaks off.
        """
        if self.verifier is None or self.content.verifier is None:
            raise InvalidInput("The prompt has no verifier.", field="verifier")
        budget = budget or Budget()
        role, template = self.verifier
        answer = Untrusted(ANSWER, outputs[self.outputs[-1]])
        known = {**values, **_said(outputs, self.outputs), ANSWER: answer}
        instructions = role.render(values, fence, budget=budget)
        asked = _asked(template, known, fence, budget)
        words = [instructions.text, _VERDICT]
        if asked.fences:
            words.append(DATA.format(fence=fence))
        return ChatCall(
            system=_paragraphs(words),
            messages=(_message("user", asked.text),),
            max_tokens=self.content.verifier.max_tokens,
            temperature=0.0,
        )

    def _known(self, position: int) -> frozenset[str]:
        return frozenset({*self.content.variables, *self.outputs[:position]})

    def examples(
        self, position: int, fence: str, budget: Budget
    ) -> tuple[tuple[Message, ...], int]:
        """Return the messages of a turn's examples, and how many fences are in them.

        Raises:
            InvalidInput: an example lacks a variable that the template speaks of, has another, or
                one that is not of its type.
        """
        turn, template = self.content.turns[position], self.turns[position]
        messages: list[Message] = []
        fences = 0
        for n, example in enumerate(turn.examples):
            place = f"turns.{position}.examples.{n}.variables"
            values = checked_values(self._spoken_of(position), example.variables, place)
            shown = _asked(template, values, fence, budget)
            fences += shown.fences
            messages += [
                _message("user", shown.text),
                _message("assistant", _answered(turn, example.output, example.reasoning)),
            ]
        return tuple(messages), fences

    def _spoken_of(self, position: int) -> dict[str, Variable]:
        """Return the variables that a turn's template speaks of, earlier outputs among them."""
        output = DocumentVariable(type="document", max_length=MAX_DOCUMENT_CHARACTERS)
        known = {**self.content.variables, **dict.fromkeys(self.outputs[:position], output)}
        names = self.turns[position].names
        return {name: variable for name, variable in known.items() if name in names}

    def _picture(
        self,
        position: int,
        image: ImageSettings,
        known: Mapping[str, Value],
        fence: str,
        budget: Budget,
    ) -> ImageCall:
        asked = _asked(self.turns[position], known, fence, budget, fenced_in=False)
        avoided = self.negative.render(known, fence, fenced_in=False, budget=budget)
        return ImageCall(
            prompt=asked.text,
            negative_prompt=avoided.text.strip(),
            count=image.count,
            width=image.width,
            height=image.height,
            seed=image.seed,
        )


def tokens_of(call: ChatCall | ImageCall) -> int:
    """Return an estimate of the tokens that a call sends, which is never too small for its text."""
    if isinstance(call, ImageCall):
        return estimated_tokens(f"{call.prompt}\n{call.negative_prompt}")
    texts = (part.text for each in call.messages for part in each.content if part.type == "text")
    return estimated_tokens("\n".join([call.system, *texts]))


def _asked(
    template: Compiled,
    values: Mapping[str, Value],
    fence: str,
    budget: Budget,
    *,
    fenced_in: bool = True,
) -> Rendered:
    rendered = template.render(values, fence, fenced_in=fenced_in, budget=budget)
    if not rendered.text.strip():
        raise InvalidInput("The template renders to nothing.", field=template.field)
    return Rendered(rendered.text.strip(), rendered.fences)


def _answered(turn: PromptTurn, output: str, reasoning: str) -> str:
    return shown_reasoning(reasoning, output) if turn.reasoning and reasoning else output


def _said(outputs: Mapping[str, str], names: Sequence[str]) -> dict[str, Untrusted]:
    return {name: Untrusted(name, outputs[name]) for name in names}


def _message(role: Literal["user", "assistant"], text: str) -> Message:
    return Message(role=role, content=(TextPart(text=text),))


def _paragraphs(texts: Sequence[str]) -> str:
    return "\n\n".join(text.strip() for text in texts if text.strip())
