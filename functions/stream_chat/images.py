"""`POST /v1/images/generations`, compatible with OpenAI's clients.

https://platform.openai.com/docs/api-reference/images/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.contracts.generations import ImageOutput
from chalicelib.contracts.http import parsed
from chalicelib.contracts.openai.images import ImageList, ImageRequest
from chalicelib.contracts.operations import Operation
from chalicelib.errors import Conflict, ModelFailure, NotFound
from chalicelib.openai.images import image_call, image_list, terms
from functions.stream_chat.route import Deps, RouteRequest, json_answer

if TYPE_CHECKING:
    from chalicelib.contracts.http import Streamed

OPERATION = Operation(
    "openai", {200: ImageList}, body=ImageRequest, errors=(NotFound, Conflict, ModelFailure)
)
"""Draw pictures of what a prompt says.

They come within the answer, as base64: nothing is stored. `negative_prompt`, `seed`, `to_seed`,
`steps` and `guidance` are ours: a model that does not take one does without it. A model that the
stage trained answers 409 as long as no version of it is served.
"""


def answer(asked: RouteRequest, deps: Deps) -> Streamed:
    """Return the answer to a request."""
    request = parsed(asked.body, ImageRequest, plain=True)
    generation = deps.generator.generate(
        image_call(request), terms(request), asked.spender_for(request)
    )
    if not isinstance(generation.output, ImageOutput):
        raise ModelFailure(f"{generation.model} did not answer with pictures.")
    return json_answer(image_list(generation, generation.output))
