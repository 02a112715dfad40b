"""Goes on with a text by a model that the stage serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.contracts.completing import CompleteTextRequest, CompleteTextResult
from chalicelib.inference.completing import Completer
from chalicelib.inference.decoding import Choice
from chalicelib.inference.hot_swap import Models


@dataclass(frozen=True, slots=True)
class Deps:
    """What the function works with; `clock` gives seconds, from any start, `chance` a seed."""

    models: Models[Completer]
    chance: Callable[[], int]
    clock: Callable[[], float]


def run(request: CompleteTextRequest, deps: Deps) -> CompleteTextResult:
    """Return what follows the prompt.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: the model does not know a word of the prompt, or does not hold all of it.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be had now.
    """
    began = deps.clock()
    serving = deps.models.get(request.model)
    choice = Choice(
        most=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed if request.seed is not None else deps.chance(),
    )
    found = serving.model.complete(request.prompt, choice, request.stop)
    return CompleteTextResult(
        text=found.text,
        finish=found.finish,
        tokens_in=found.tokens_in,
        tokens_out=found.tokens_out,
        version=serving.version.label,
        seconds=max(0.0, deps.clock() - began),
    )
