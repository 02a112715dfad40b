"""Classes of texts and of the spans in them by the function `label_text`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.adapters.models.call_limits import remaining_seconds, with_earlier_usage
from chalicelib.adapters.models.function_client import ModelFunction
from chalicelib.contracts.functions.label_text import (
    MAX_TEXTS_AT_ONCE,
    LabelTextRequest,
    LabelTextResult,
)
from chalicelib.contracts.generations import (
    Call,
    ClassifyCall,
    ClassifyOutput,
    Reply,
    TagCall,
    TagOutput,
    Usage,
)
from chalicelib.errors import InvalidInput, ModelFailure, Transient, Unsupported

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.generation.dependencies import CallContext
    from chalicelib.generation.models import ServedModel


class LabelTextFunction:
    """The Lambda function that labels texts by trained classifiers and taggers."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "labelling")

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return labels or spans of each text, and raise as `AnsweringFunction.answer` does.

        All are of one version: where another begins to serve meanwhile, it is `Transient`. An error
        tells what was used until then.
        """
        wanted = _require_texts(model, call)
        parts: list[LabelTextResult] = []
        tokens, seconds = 0, 0.0
        began = time.monotonic()
        for first in range(0, len(wanted.texts), MAX_TEXTS_AT_ONCE):
            texts = wanted.texts[first : first + MAX_TEXTS_AT_ONCE]
            with with_earlier_usage(Usage(tokens_in=tokens), seconds):
                left = remaining_seconds(asking.seconds_left, time.monotonic() - began)
                part = self._ask(model, wanted, texts, replace(asking, seconds_left=left))
            tokens += part.tokens
            seconds += part.seconds
            with with_earlier_usage(Usage(tokens_in=tokens), seconds):
                if parts and part.version != parts[0].version:
                    raise Transient(f"{model.name} was swapped meanwhile; ask again.")
            parts.append(part)
        return Reply(
            model=model.name,
            answered_by=parts[0].version,
            output=_output(wanted, parts),
            usage=Usage(tokens_in=tokens),
            seconds=round(seconds, 6),
        )

    def _ask(
        self,
        model: ServedModel,
        wanted: ClassifyCall | TagCall,
        texts: Sequence[str],
        asking: CallContext,
    ) -> LabelTextResult:
        given = {"model": model.name, "texts": tuple(texts)}
        result = self._function.ask(LabelTextRequest, given, LabelTextResult, asking)
        tags = isinstance(wanted, TagCall)
        if (result.shares and tags) or (result.spans and not tags):
            does = "classifies texts" if tags else "tags the spans of texts"
            raise Unsupported(
                f"The version that serves as {model.name} {does}; ask for that.", field="task"
            )
        told = len(result.spans) if tags else len(result.shares)
        sizes = {len(each) for each in result.shares} - {len(result.labels)}
        if told != len(texts) or sizes:
            raise ModelFailure(
                f"The labelling function gave labels for {told} of {len(texts)} texts, or not all"
                " labels of one.",
                seconds=result.seconds,
            )
        return result


def _require_texts(model: ServedModel, call: Call) -> ClassifyCall | TagCall:
    """Return a call to label texts; raise as `AnsweringFunction.answer` does."""
    if not isinstance(call, ClassifyCall | TagCall):
        raise Unsupported(f"{model.name} does not answer calls of {call.task}.", field="model")
    if isinstance(call, ClassifyCall) and not call.texts:
        raise InvalidInput(
            f"{model.name} classifies texts, by the labels that it was trained with; give texts.",
            field="texts",
        )
    return call


def _output(
    wanted: ClassifyCall | TagCall, parts: list[LabelTextResult]
) -> ClassifyOutput | TagOutput:
    truncated = tuple(
        number + at * MAX_TEXTS_AT_ONCE
        for at, part in enumerate(parts)
        for number in part.truncated
    )
    if isinstance(wanted, TagCall):
        spans = tuple(each for part in parts for each in part.spans)
        return TagOutput(labels=parts[0].labels, spans=spans, truncated=truncated)
    shares = tuple(each for part in parts for each in part.shares)
    return ClassifyOutput(labels=parts[0].labels, shares=shares, truncated=truncated)
