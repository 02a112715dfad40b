"""Pictures by an exported diffusion model: its graph tells noise, and a sampler takes steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chalicelib.contracts.exported import FILE
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference import diffusion, vocabulary
from chalicelib.inference.diffusion import Sampling, Schedule
from chalicelib.inference.vocabulary import Vocabulary

if TYPE_CHECKING:
    from chalicelib.inference.drawing import Drawing
    from chalicelib.inference.exported import Exported
    from chalicelib.inference.scale import Numbers, Pixels, Scale

GRAPH = "denoiser"
_INPUTS, _OUTPUT = ("image", "step", "tokens"), "noise"
MOST_CALLS = 4_000
"""Of the network, pictures times steps, in one invocation: what keeps it within its time."""


class DenoisingDrawer:
    """A model that draws what a prompt says, out of noise.

    Constants: `prompt_tokens`, the longest prompt; `alphas_cumprod`, what is left of a picture at
    each step; `guidance` and `sampling_steps`, what is usual.
    """

    def __init__(self, exported: Exported, scale: Scale) -> None:
        """Open the graph and read the words that it knows. Raises `ModelFailure`."""
        self._name = exported.signature.name
        inputs = {each.name for each in exported.signature.graphs[GRAPH].inputs}
        if inputs != set(_INPUTS):
            raise ModelFailure(
                f"The graph {GRAPH} of {self._name} takes {', '.join(sorted(inputs))}, and not "
                f"{', '.join(_INPUTS)}."
            )
        found = exported.numbers("prompt_tokens", "guidance", "sampling_steps")
        self._length = int(found["prompt_tokens"])
        self._usual = (int(found["sampling_steps"]), found["guidance"])
        self._schedule = Schedule(_kept(exported), scale.lowest, scale.highest)
        self._words = Vocabulary.of(exported.file(vocabulary.FILE))
        self._scale = scale
        self._session = exported.graph(GRAPH)

    @property
    def side(self) -> int:
        """Return how many pixels a picture is wide and high."""
        return self._scale.side

    def draw(self, wish: Drawing) -> Pixels:
        """Return pictures, as `Drawer.draw` says."""
        how = self._how(wish)
        shape = (self._scale.channels, self._scale.side, self._scale.side)
        tokens, negative = (
            np.tile(self._words.tokens(text, self._length, field), (wish.count, 1))
            for text, field in ((wish.prompt, "prompt"), (wish.negative_prompt, "negative_prompt"))
        )
        start = wish.noise(shape)
        drawn = diffusion.sample(self._denoise, self._schedule, start, tokens, negative, how)
        return self._scale.pixels(drawn, wish.count)

    def _how(self, wish: Drawing) -> Sampling:
        steps, guidance = self._usual
        steps = wish.steps if wish.steps is not None else steps
        if steps * wish.count > MOST_CALLS:
            raise InvalidInput(
                f"{wish.count} pictures of {steps} steps are too many at once; ask for fewer.",
                field="steps",
                limit=f"{MOST_CALLS} steps of all pictures",
            )
        return Sampling(steps, wish.guidance if wish.guidance is not None else guidance)

    def _denoise(
        self, pictures: Numbers, step: diffusion.Whole, tokens: diffusion.Whole
    ) -> Numbers:
        fed = dict(zip(_INPUTS, (pictures, step, tokens), strict=True))
        try:
            (found,) = self._session.run([_OUTPUT], fed)
        except Exception as error:  # onnxruntime's own errors share no narrower base
            raise ModelFailure(f"{self._name} failed: {error}") from error
        return np.asarray(found, np.float32)


def _kept(exported: Exported) -> tuple[float, ...]:
    """Return the shares of a picture's variance, which fall from below 1 to above 0."""
    found = exported.signature.constants.get("alphas_cumprod")
    if not isinstance(found, tuple) or not found:
        raise ModelFailure(f"{exported.signature.name} has no alphas_cumprod in its {FILE}.")
    numbers = tuple(float(each) for each in found)
    falling = all(a > b for a, b in zip((1.0, *numbers), numbers, strict=False))
    if not falling or numbers[-1] <= 0:
        raise ModelFailure(f"alphas_cumprod of {exported.signature.name} do not fall from 1 to 0.")
    return numbers
