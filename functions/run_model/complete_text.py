"""Complete a text or a conversation, by a model that writes text and that the stage serves."""

from __future__ import annotations

from functools import partial

from chalicelib.contracts.functions.complete_text import CompleteTextRequest, CompleteTextResult
from chalicelib.inference import text_models
from chalicelib.inference.adapters import SharedGraphs
from chalicelib.inference.text_decoder import TokenSampling
from chalicelib.inference.text_models import TextModel
from functions.run_model.deps import Deps

open_model = partial(text_models.open_model, graphs=SharedGraphs())
parse = CompleteTextRequest.model_validate

WRITING_SECONDS = 20
"""After which a text ends as by its limit. Who asks waits for 25, and the function ends after 29:
a text that takes longer would be paid for and lost.
"""


def run(request: CompleteTextRequest, deps: Deps[TextModel]) -> CompleteTextResult:
    """Return the text after the prompt, or the answer to the messages.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: the model does not know a word of the prompt, the prompt is too long, or the
            model has no chat template for messages, or one that refuses them.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be loaded now.
    """
    began = deps.monotonic()
    served = deps.models.get(request.model, request.caller, request.variant)
    sampling = TokenSampling(
        most=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed if request.seed is not None else deps.new_seed(),
    )
    given = [turn.model_dump() for turn in request.messages] or request.prompt

    def is_late() -> bool:
        return deps.seconds_since(began) >= WRITING_SECONDS

    completion = served.model.complete(given, sampling, request.stop, is_late)
    return CompleteTextResult(
        text=completion.text,
        finish=completion.finish,
        tokens_in=completion.tokens_in,
        tokens_out=completion.tokens_out,
        version=served.version.receipt_name,
        seconds=deps.seconds_since(began),
    )
