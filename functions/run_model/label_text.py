"""Label texts, or the spans in them, by an encoder that the stage serves."""

from __future__ import annotations

from chalicelib.contracts.functions.label_text import LabelTextRequest, LabelTextResult
from chalicelib.errors import InvalidInput
from chalicelib.inference import text_labels
from chalicelib.inference.text_labels import TextLabeller
from functions.run_model.deps import Deps

open_model = text_labels.open_model
parse = LabelTextRequest.model_validate

LABELLING_SECONDS = 20
"""After which no further text is begun. Who asks waits for 25, and the function ends after 29."""


def run(request: LabelTextRequest, deps: Deps[TextLabeller]) -> LabelTextResult:
    """Return the shares of the model's labels, or the spans, of each text, in order.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: a text has nothing to read, or the texts take too long together.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be loaded now.
    """
    began = deps.monotonic()
    served = deps.models.get(request.model, request.caller, request.variant)
    model = served.model
    told = []
    for number, text in enumerate(request.texts):
        if deps.seconds_since(began) >= LABELLING_SECONDS:
            raise InvalidInput(
                f"{number} of {len(request.texts)} texts took {LABELLING_SECONDS} s; send fewer or"
                " shorter ones at once.",
                field="texts",
                limit=f"{LABELLING_SECONDS} s",
            )
        told.append(model.label(text, f"texts.{number}"))
    return LabelTextResult(
        labels=model.labels,
        shares=() if model.tags_spans else tuple(each.shares for each in told),
        spans=tuple(each.spans for each in told) if model.tags_spans else (),
        truncated=tuple(number for number, each in enumerate(told) if each.truncated),
        tokens=sum(each.tokens for each in told),
        version=served.version.receipt_name,
        seconds=deps.seconds_since(began),
    )
