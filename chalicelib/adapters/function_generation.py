"""Calls answered by functions of ours, which run the models that are ours."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from chalicelib.adapters.call_bounds import after, left_of
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    EmbedCall,
    EmbedOutput,
    ImageCall,
    ImageOutput,
    Reply,
    Usage,
)
from chalicelib.errors import InvalidInput, Unsupported

if TYPE_CHECKING:
    from chalicelib.contracts.drawing import GenerateImageResult
    from chalicelib.contracts.embedding import EmbedTextResult
    from chalicelib.generation.served import Route, ServedModel
    from chalicelib.generation_ports import Asking, Delta

TEXTS_A_CALL = 64
"""Texts that are embedded by one invocation."""


class Embedder(Protocol):
    """A function that embeds texts."""

    def embed(
        self, texts: Sequence[str], correlation_id: str, model: str = "", *, truncate: bool = True
    ) -> EmbedTextResult:
        """Return one vector a text, in order; one that is too long is refused where it is not to
        `truncate`.
        """


class Painter(Protocol):
    """A function that draws by models that the stage trained."""

    def draw(
        self, model: str, call: ImageCall, correlation_id: str, seconds: float | None
    ) -> GenerateImageResult:
        """Return the pictures of `call`, within so many seconds, None for as many as it takes."""


class FunctionBackendCalls:
    """The stage's own functions, by what the catalogue calls them."""

    def __init__(self, embedders: Mapping[str, Embedder], painters: Mapping[str, Painter]) -> None:
        self._embedders = embedders
        self._painters = painters

    def generate(self, model: ServedModel, route: Route, call: Call, asking: Asking) -> Reply:
        """Return the answer. `seconds` are those that the function says it took.

        Raises:
            Throttled, Transient: it may be asked again, or no time is left for the next texts.
            Unsupported: this function does not answer such calls.
            Conflict: the stage serves no version of the model.
            InvalidInput: it does not take the call.
            ModelFailure: it gave nothing usable.

        The error tells what was used for the texts before.
        """
        embedder = self._embedders.get(route.model_id)
        if embedder is not None and isinstance(call, EmbedCall):
            return _embedded(embedder, model, call, asking)
        painter = self._painters.get(route.model_id)
        if painter is not None and isinstance(call, ImageCall):
            return _drawn(painter, model, call, asking)
        raise Unsupported(f"{model.name} does not answer calls of {call.task}.", field="model")

    def stream(
        self, model: ServedModel, route: Route, call: ChatCall, asking: Asking
    ) -> Iterator[Delta]:
        """Refuse: none of the functions writes text."""
        raise Unsupported(f"{model.name} does not stream.", field="model")


def _embedded(embedder: Embedder, model: ServedModel, call: EmbedCall, asking: Asking) -> Reply:
    if call.dimensions not in {None, *model.limits.dimensions}:
        known = ", ".join(map(str, model.limits.dimensions))
        raise InvalidInput(f"{model.name} has {known} dimensions.", field="dimensions")
    vectors: list[tuple[float, ...]] = []
    tokens, seconds, answered_by = 0, 0.0, ""
    began = time.monotonic()
    for first in range(0, len(call.texts), TEXTS_A_CALL):
        texts = call.texts[first : first + TEXTS_A_CALL]
        with after(Usage(tokens_in=tokens), seconds):
            left_of(asking.seconds, time.monotonic() - began)
            result = embedder.embed(texts, asking.correlation_id, truncate=False)
        vectors += [tuple(map(float, vector)) for vector in result.vectors]
        tokens += result.tokens
        seconds += result.seconds
        answered_by = result.model
    return Reply(
        model=model.name,
        answered_by=answered_by,
        output=EmbedOutput(vectors=tuple(vectors)),
        usage=Usage(tokens_in=tokens),
        seconds=round(seconds, 6),
    )


def _drawn(painter: Painter, model: ServedModel, call: ImageCall, asking: Asking) -> Reply:
    if "prompt" in model.refuses:
        call = call.model_copy(update={"prompt": ""})
    result = painter.draw(model.name, call, asking.correlation_id, asking.seconds)
    return Reply(
        model=model.name,
        answered_by=result.version,
        output=ImageOutput.model_construct(images=result.images),
        usage=Usage(images=len(result.images)),
        seconds=round(result.seconds, 6),
    )
