"""What each turn of a prompt would send, without asking a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue

from chalicelib.contracts.prompts import PromptVersion, RenderedPrompt, RenderedTurn
from chalicelib.errors import InvalidInput
from chalicelib.prompting.budget import Budget
from chalicelib.prompting.rendering import Prompt, tokens_of

if TYPE_CHECKING:
    from chalicelib.contracts.generations import ChatCall, ImageCall

VERIFIER = "verifier"


def preview(
    version: PromptVersion,
    variables: Mapping[str, JsonValue],
    outputs: Mapping[str, str],
    fence: str,
) -> RenderedPrompt:
    """Return the calls of the turns and of the verifier, all within one budget.

    `outputs` stand for what turns would answer; a note stands for those that are not given.

    Raises:
        InvalidInput: a variable or an output is wrong, or a template breaks off.
    """
    prompt = Prompt(version.content)
    for name in outputs:
        if name not in prompt.outputs:
            listed = ", ".join(prompt.outputs)
            raise InvalidInput(
                f"There is no turn {name!r}; there are {listed}.", field=f"outputs.{name}"
            )
    values = prompt.values(variables)
    said = {name: outputs.get(name, f"(what {name} answers)") for name in prompt.outputs}
    budget = Budget()
    turns = tuple(
        _told(name, prompt.call(position, values, said, fence, budget))
        for position, name in enumerate(prompt.outputs)
    )
    checked = prompt.verifier is not None
    return RenderedPrompt(
        name=version.name,
        version=version.version,
        turns=turns,
        verifier=_told(VERIFIER, prompt.verification(values, said, fence, budget))
        if checked
        else None,
        terms=version.content.terms,
    )


def _told(turn: str, call: ChatCall | ImageCall) -> RenderedTurn:
    return RenderedTurn(turn=turn, tokens_in=tokens_of(call), call=call)
