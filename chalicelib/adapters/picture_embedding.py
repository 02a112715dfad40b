"""Calls for vectors by the function `embed_image`, of pictures or of texts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.adapters.call_bounds import after, left_of
from chalicelib.adapters.model_function import ModelFunction, only
from chalicelib.adapters.sent_pictures import in_base64
from chalicelib.contracts.generations import (
    Call,
    EmbedCall,
    EmbedOutput,
    Reply,
    Usage,
)
from chalicelib.contracts.looking import (
    MAX_TEXTS_AT_ONCE,
    EmbedImageRequest,
    EmbedImageResult,
)
from chalicelib.errors import ModelFailure, Transient

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.generation.dependencies import Asking
    from chalicelib.generation.served import ServedModel


class EmbedImageFunction:
    """What embeds pictures and texts by models that the stage trained."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "picture embedding")

    def answer(self, model: ServedModel, call: Call, asking: Asking) -> Reply:
        """Return a vector for each picture or text, and raise as `AnsweringFunction.answer` does.

        All are of one version: where another begins to serve meanwhile, it is `Transient`. An error
        tells what was used until then.
        """
        wanted = only(EmbedCall, model, call)
        vectors: list[tuple[float, ...]] = []
        used, seconds, version = Usage(), 0.0, ""
        began = time.monotonic()
        for texts, images in _parts(wanted):
            with after(used, seconds):
                left = left_of(asking.seconds, time.monotonic() - began)
                result = self._ask(model, texts, images, replace(asking, seconds=left))
            used = Usage(tokens_in=used.tokens_in + result.tokens, images=used.images + len(images))
            seconds += result.seconds
            with after(used, seconds):
                if version not in {"", result.version}:
                    raise Transient(f"{model.name} was swapped meanwhile; ask again.")
            version = result.version
            vectors += result.vectors
        return Reply(
            model=model.name,
            answered_by=version,
            output=EmbedOutput(vectors=tuple(vectors)),
            usage=used,
            seconds=round(seconds, 6),
        )

    def _ask(
        self, model: ServedModel, texts: Sequence[str], images: Sequence[bytes], asking: Asking
    ) -> EmbedImageResult:
        given = {"model": model.name, "texts": texts, "images": images}
        result = self._function.ask(EmbedImageRequest, given, EmbedImageResult, asking)
        if len(result.vectors) != len(texts) + len(images):
            raise ModelFailure(
                f"The picture embedding function gave {len(result.vectors)} vectors for"
                f" {len(texts) + len(images)} pictures or texts.",
                seconds=result.seconds,
            )
        return result


def _parts(call: EmbedCall) -> Iterator[tuple[Sequence[str], Sequence[bytes]]]:
    """Yield the texts, or the pictures, of each invocation."""
    for first in range(0, len(call.texts), MAX_TEXTS_AT_ONCE):
        yield call.texts[first : first + MAX_TEXTS_AT_ONCE], ()
    if call.images:
        yield (), in_base64(call.images, "images")
