"""InvokeModel of Titan Text Embeddings V2, answered by MiniLM.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html

MiniLM has 384 dimensions and Titan 256, 512 or 1,024, so a request that names one of Titan's is
refused rather than answered with another; one that names none gets 384.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.errors import InvalidInput
from localcloud.bedrock.bodies.family import Body, malformed, only
from localcloud.bedrock.embeddings import Embedder


def embed(body: Body, embedder: Embedder, named: Mapping[str, object]) -> tuple[Body, int]:
    """Return Titan's response to a body, with `named` added, and the tokens that it took.

    Raises ValidationException.
    """
    text = _checked(body, embedder.dimensions)
    try:
        vectors, tokens = embedder.embed_counted((text,))
    except InvalidInput as error:
        raise malformed(error.message) from error
    vector = vectors[0].tolist()
    answer = {
        "embedding": vector,
        "embeddingsByType": {"float": vector},
        "inputTextTokenCount": tokens,
        **named,
    }
    return answer, tokens


def _checked(body: Body, dimensions: int) -> str:
    only(body, "inputText", "dimensions", "normalize", "embeddingTypes")
    text = body.get("inputText")
    if not isinstance(text, str) or not text:
        raise malformed("inputText must be a text of 1 character or more.")
    if body.get("dimensions", dimensions) != dimensions:
        raise malformed(
            f"the local model embeds in {dimensions} dimensions only;"
            f" leave out dimensions, or give {dimensions}."
        )
    if body.get("normalize", True) is not True:
        raise malformed("the local model's vectors are always normalised; leave out normalize.")
    if body.get("embeddingTypes", ["float"]) != ["float"]:
        raise malformed("the local model embeds in float only; leave out embeddingTypes.")
    return text
