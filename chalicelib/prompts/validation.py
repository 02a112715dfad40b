"""Validation of a version before it is saved, so that whatever is saved can be rendered.

Untrusted text stays out of instructions: a role, of the prompt or its verifier, that uses a
document or an earlier answer is refused, however it does so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import ChatCall, ImageCall, JsonOutput, Message, TextPart
from chalicelib.errors import InvalidInput
from chalicelib.generation.check_names import parse_checks
from chalicelib.prompts.language import RESERVED, find_name
from chalicelib.prompts.rendering import CompiledPrompt
from chalicelib.prompts.sandbox import RenderBudget
from chalicelib.prompts.schemas import check_schema
from chalicelib.prompts.variables import check_default

if TYPE_CHECKING:
    from chalicelib.contracts.prompts import PromptContent
    from chalicelib.prompts.templates import CompiledTemplate

_FENCE = "@@example"
"""The fence while examples are tried; the result is discarded."""


def check_prompt(content: PromptContent) -> None:
    """Raise `InvalidInput` if the version cannot be saved.

    That is, a name is duplicate or reserved, a default or an example has the wrong type, a
    template is not valid or uses unknown names, a role uses untrusted text, a schema is not
    valid, or parts do not fit together.
    """
    _check_names(content)
    for name, variable in content.variables.items():
        check_default(name, variable)
    if content.output_schema is not None:
        check_schema(content.output_schema)
    _check_pictures(content)
    _check_checks(content)
    prompt = CompiledPrompt(content)
    for template in _instructions(prompt):
        _check_trusted(template, prompt.untrusted)
    for position, turn in enumerate(content.turns):
        for example in turn.examples:
            if example.reasoning and not turn.reasoning:
                raise InvalidInput(
                    f"An example of {turn.name} reasons, and the turn does not.",
                    field=f"turns.{position}.examples",
                )
        prompt.examples(position, _FENCE, RenderBudget())


def _check_names(content: PromptContent) -> None:
    names: Sequence[str] = [*content.variables, *(turn.name for turn in content.turns)]
    for name in names:
        field = f"variables.{name}" if name in content.variables else "turns"
        if names.count(name) > 1:
            raise InvalidInput(f"The name {name} is used twice.", field=field)
        is_last = name == content.turns[-1].name
        if name in RESERVED and not (is_last and name == "answer"):
            raise InvalidInput(f"The name {name} means something else; take another.", field=field)


def _check_pictures(content: PromptContent) -> None:
    last = content.turns[-1]
    if content.image is None:
        if content.negative_prompt:
            raise InvalidInput(
                "Only pictures have a negative prompt; give `image` to ask for some.",
                field="negative_prompt",
            )
        return
    refused = {
        "verifier": content.verifier is not None,
        "output_schema": content.output_schema is not None,
        f"turns.{len(content.turns) - 1}.examples": bool(last.examples),
        f"turns.{len(content.turns) - 1}.reasoning": last.reasoning,
        f"turns.{len(content.turns) - 1}.max_tokens": last.max_tokens is not None,
        "role": bool(content.role) and len(content.turns) == 1,
    }
    for field, given in refused.items():
        if given:
            raise InvalidInput(
                f"The last turn asks for pictures, and {field} is of text; leave it out.",
                field=field,
            )


def _check_checks(content: PromptContent) -> None:
    """Check that the last turn's call can satisfy the checks."""
    last, schema = content.turns[-1], content.output_schema
    call: ChatCall | ImageCall = ImageCall(prompt=last.template)
    if content.image is None:
        messages = (Message(role="user", content=(TextPart(text=last.template),)),)
        output = None if schema is None or last.reasoning else JsonOutput(json_schema=schema)
        call = ChatCall(messages=messages, json_output=output)
    try:
        parse_checks(content.terms.checks, call)
    except InvalidInput as error:
        raise InvalidInput(error.message, field="terms.checks", limit=error.limit) from error


def _instructions(prompt: CompiledPrompt) -> Iterator[CompiledTemplate]:
    yield prompt.role
    if prompt.verifier is not None:
        yield prompt.verifier[0]


def _check_trusted(template: CompiledTemplate, untrusted: frozenset[str]) -> None:
    found = find_name(template.tree, untrusted)
    if found is not None:
        name, line = found
        raise InvalidInput(
            f"Line {line}: {name} is text that somebody else wrote, and what is in the role gives "
            "orders; put it into a turn's template, where it is fenced.",
            field=template.field,
        )
