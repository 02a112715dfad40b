"""The calls of a prompt version: rendered role and turns, examples, and fences around text.

A model's answer to a turn is as untrusted as its input, so outputs of earlier turns are fenced like
documents. Image models take no instructions beside the prompt and know no fences: there, such text
only loses the marks of chat templates.

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
    PromptVersion,
    RenderedPrompt,
    RenderedTurn,
    Variable,
)
from chalicelib.errors import InvalidInput
from chalicelib.generation.tokens import estimated_tokens
from chalicelib.prompts.reply_marks import ACCEPT, CLOSING, OPENING, REJECT, format_reasoning
from chalicelib.prompts.sandbox import RenderBudget
from chalicelib.prompts.templates import CompiledTemplate, RenderedText, compile_template
from chalicelib.prompts.variables import FENCE_INSTRUCTION, Untrusted, Value, check_values

ANSWER = "answer"
"""The verifier's name for the last turn's output, whatever the turn is called."""
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


class CompiledPrompt:
    """A version with its templates compiled; renders for any number of values.

    Raises `InvalidInput` if a template is not valid; the error names field and line.
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
        self.role = compile_template(content.role, "role", everything)
        self.turns = tuple(
            compile_template(turn.template, f"turns.{n}.template", self._known(n))
            for n, turn in enumerate(content.turns)
        )
        last = self._known(len(content.turns) - 1)
        self.negative = compile_template(content.negative_prompt, "negative_prompt", last)
        self.verifier: tuple[CompiledTemplate, CompiledTemplate] | None = None
        if content.verifier is not None:
            checker = content.verifier
            self.verifier = (
                compile_template(checker.role or _CHECKER, "verifier.role", everything),
                compile_template(checker.template, "verifier.template", everything),
            )

    def values(self, given: Mapping[str, JsonValue]) -> dict[str, Value]:
        """Return the values, checked by their types; raise `InvalidInput` with the variable."""
        return check_values(self.content.variables, given, "variables")

    def terms(self, position: int | None = None) -> Terms:
        """Return the terms of a turn, or of the verifier.

        Checks apply to the prompt's final answer only; the schema is one of them.
        """
        terms = self.content.terms.terms()
        if position != len(self.turns) - 1:
            return terms.model_copy(update={"checks": ()})
        has_schema = self.content.output_schema is not None and not self.content.turns[-1].reasoning
        checks = dict.fromkeys((*terms.checks, *(["schema"] if has_schema else [])))
        return terms.model_copy(update={"checks": tuple(checks)})

    def call(
        self,
        position: int,
        values: Mapping[str, Value],
        outputs: Mapping[str, str],
        fence: str,
        budget: RenderBudget | None = None,
    ) -> ChatCall | ImageCall:
        """Return the call of turn `position`, after the turns that gave `outputs`.

        `fence` is made up for the request, so that no document can know it.

        Raises:
            InvalidInput: a template fails or renders to nothing; the error names field and line.
        """
        budget = budget or RenderBudget()
        known = {**values, **_untrusted_outputs(outputs, self.outputs[:position])}
        image = self.content.image
        if image is not None and position == len(self.turns) - 1:
            return self._picture(position, image, known, fence, budget)
        turn = self.content.turns[position]
        role = self.role.render(values, fence, budget=budget)
        messages, fences = self.examples(position, fence, budget)
        question = _render_question(self.turns[position], known, fence, budget)
        is_last = position == len(self.turns) - 1
        schema = self.content.output_schema if is_last else None
        instructions = [role.text]
        if turn.reasoning:
            instructions.append(_REASONING)
            if schema is not None:
                instructions.append(_IN_JSON.format(schema=json.dumps(schema, ensure_ascii=False)))
        if fences + question.fences:
            instructions.append(FENCE_INSTRUCTION.format(fence=fence))
        settings = self.content.parameters
        return ChatCall(
            system=_paragraphs(instructions),
            messages=(*messages, _message("user", question.text)),
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
        budget: RenderBudget | None = None,
    ) -> ChatCall:
        """Return the call that asks whether the last of `outputs` is right.

        Raises:
            InvalidInput: the version has no verifier, or its template fails.
        """
        if self.verifier is None or self.content.verifier is None:
            raise InvalidInput("The prompt has no verifier.", field="verifier")
        budget = budget or RenderBudget()
        role, template = self.verifier
        answer = Untrusted(ANSWER, outputs[self.outputs[-1]])
        known = {**values, **_untrusted_outputs(outputs, self.outputs), ANSWER: answer}
        instructions = role.render(values, fence, budget=budget)
        question = _render_question(template, known, fence, budget)
        paragraphs = [instructions.text, _VERDICT]
        if question.fences:
            paragraphs.append(FENCE_INSTRUCTION.format(fence=fence))
        return ChatCall(
            system=_paragraphs(paragraphs),
            messages=(_message("user", question.text),),
            max_tokens=self.content.verifier.max_tokens,
            temperature=0.0,
        )

    def _known(self, position: int) -> frozenset[str]:
        return frozenset({*self.content.variables, *self.outputs[:position]})

    def examples(
        self, position: int, fence: str, budget: RenderBudget
    ) -> tuple[tuple[Message, ...], int]:
        """Return the messages of a turn's examples, and the number of fences in them.

        Raises:
            InvalidInput: an example lacks a variable that the template uses, has another, or
            has one of
                another type.
        """
        turn, template = self.content.turns[position], self.turns[position]
        messages: list[Message] = []
        fences = 0
        for n, example in enumerate(turn.examples):
            field = f"turns.{position}.examples.{n}.variables"
            values = check_values(self._spoken_of(position), example.variables, field)
            question = _render_question(template, values, fence, budget)
            fences += question.fences
            messages += [
                _message("user", question.text),
                _message("assistant", _example_answer(turn, example.output, example.reasoning)),
            ]
        return tuple(messages), fences

    def _spoken_of(self, position: int) -> dict[str, Variable]:
        """Return the variables that a turn's template uses, including earlier outputs."""
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
        budget: RenderBudget,
    ) -> ImageCall:
        asked = _render_question(self.turns[position], known, fence, budget, fenced_in=False)
        avoided = self.negative.render(known, fence, fenced_in=False, budget=budget)
        return ImageCall(
            prompt=asked.text,
            negative_prompt=avoided.text.strip(),
            count=image.count,
            width=image.width,
            height=image.height,
            seed=image.seed,
        )


def estimate_tokens(call: ChatCall | ImageCall) -> int:
    """Return an estimate of the tokens in a call, which is never too low for its text."""
    if isinstance(call, ImageCall):
        return estimated_tokens(f"{call.prompt}\n{call.negative_prompt}")
    texts = (part.text for each in call.messages for part in each.content if part.type == "text")
    return estimated_tokens("\n".join([call.system, *texts]))


def _render_question(
    template: CompiledTemplate,
    values: Mapping[str, Value],
    fence: str,
    budget: RenderBudget,
    *,
    fenced_in: bool = True,
) -> RenderedText:
    rendered = template.render(values, fence, fenced_in=fenced_in, budget=budget)
    if not rendered.text.strip():
        raise InvalidInput("The template renders to nothing.", field=template.field)
    return RenderedText(rendered.text.strip(), rendered.fences)


def _example_answer(turn: PromptTurn, output: str, reasoning: str) -> str:
    return format_reasoning(reasoning, output) if turn.reasoning and reasoning else output


def _untrusted_outputs(outputs: Mapping[str, str], names: Sequence[str]) -> dict[str, Untrusted]:
    return {name: Untrusted(name, outputs[name]) for name in names}


def _message(role: Literal["user", "assistant"], text: str) -> Message:
    return Message(role=role, content=(TextPart(text=text),))


def _paragraphs(texts: Sequence[str]) -> str:
    return "\n\n".join(text.strip() for text in texts if text.strip())


VERIFIER = "verifier"


def preview(
    version: PromptVersion,
    variables: Mapping[str, JsonValue],
    outputs: Mapping[str, str],
    fence: str,
) -> RenderedPrompt:
    """Return the calls of all turns and of the verifier, within one budget, without a model.

    `outputs` stand for the answers of turns; a note stands for those that are missing.

    Raises:
        InvalidInput: a variable or an output is wrong, or a template fails.
    """
    prompt = CompiledPrompt(version.content)
    for name in outputs:
        if name not in prompt.outputs:
            listed = ", ".join(prompt.outputs)
            raise InvalidInput(
                f"There is no turn {name!r}; there are {listed}.", field=f"outputs.{name}"
            )
    values = prompt.values(variables)
    shown_outputs = {name: outputs.get(name, f"(what {name} answers)") for name in prompt.outputs}
    budget = RenderBudget()
    turns = tuple(
        _rendered_turn(name, prompt.call(position, values, shown_outputs, fence, budget))
        for position, name in enumerate(prompt.outputs)
    )
    has_verifier = prompt.verifier is not None
    return RenderedPrompt(
        name=version.name,
        version=version.version,
        turns=turns,
        verifier=_rendered_turn(VERIFIER, prompt.verification(values, shown_outputs, fence, budget))
        if has_verifier
        else None,
        terms=version.content.terms,
    )


def _rendered_turn(turn: str, call: ChatCall | ImageCall) -> RenderedTurn:
    return RenderedTurn(turn=turn, tokens_in=estimate_tokens(call), call=call)
