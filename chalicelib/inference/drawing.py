"""Pictures by exported models: of points, as a VAE and a GAN make them, or of noise in steps.

Each picture of a wish has a stream of chance of its own, so that it is the same whatever else is
drawn with it. No output of a graph is taken on trust: shapes and numbers are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chalicelib.errors import ModelFailure, Unsupported
from chalicelib.inference import diffusion
from chalicelib.inference.denoising import GRAPH, DenoisingDrawer
from chalicelib.inference.exported import Exported
from chalicelib.inference.scale import Numbers, Pixels, Scale

GRAPHS = ("decoder", "generator")
"""What the graph is called that makes pictures of points."""
_INPUT, _OUTPUT = "latent", "image"


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is to be drawn: `count` pictures from `seed` on, or from `seed` to `to_seed`."""

    count: int
    seed: int
    to_seed: int | None = None
    prompt: str = ""
    negative_prompt: str = ""
    steps: int | None = None
    guidance: float | None = None

    def noise(self, shape: tuple[int, ...]) -> Numbers:
        """Return what the pictures begin from, [count, *shape]: of one seed, or between two."""
        if self.to_seed is None:
            return diffusion.noise(self.seed, self.count, shape)
        return diffusion.interpolate(self.seed, self.to_seed, self.count, shape)


class Drawer(Protocol):
    """A model that draws; `side` is how many pixels its pictures are wide and high."""

    @property
    def side(self) -> int: ...

    def draw(self, wish: Drawing) -> Pixels:
        """Return pictures as [count, side, side, channels].

        Raises:
            InvalidInput: a word or a number of the wish is none that the model takes.
            Unsupported: the wish has something that the model has no use for.
            ModelFailure: the model failed.
        """


class PointDrawer:
    """A model that makes a picture of each point that is drawn from N(0, I)."""

    def __init__(self, exported: Exported, graph: str) -> None:
        """Open the graph of that name. Raises `ModelFailure`."""
        spec = exported.signature.graphs[graph]
        self._name = exported.signature.name
        if [each.name for each in spec.inputs] != [_INPUT]:
            raise ModelFailure(f"The graph {graph} of {self._name} takes more than {_INPUT!r}.")
        self._scale = Scale.of(exported)
        self._latent = int(exported.numbers("latent")["latent"])
        self._session = exported.graph(graph)

    @property
    def side(self) -> int:
        """Return how many pixels a picture is wide and high."""
        return self._scale.side

    def draw(self, wish: Drawing) -> Pixels:
        """Return pictures, as `Drawer.draw` says; it takes neither words nor steps."""
        refuse(wish, ("prompt", "negative_prompt", "steps", "guidance"), self._name)
        points = wish.noise((self._latent,))
        try:
            (images,) = self._session.run([_OUTPUT], {_INPUT: points})
        except Exception as error:  # onnxruntime's own errors share no narrower base
            raise ModelFailure(f"{self._name} failed: {error}") from error
        return self._scale.pixels(np.asarray(images, np.float32), wish.count)


def opened(exported: Exported) -> Drawer:
    """Return the model that was exported, once it has drawn a picture.

    Raises:
        ModelFailure: it is none that draws, or did not.
    """
    drawer = _opened(exported)
    drawer.draw(Drawing(count=1, seed=0))
    return drawer


def _opened(exported: Exported) -> Drawer:
    graphs = exported.signature.graphs
    if GRAPH in graphs:
        return DenoisingDrawer(exported, Scale.of(exported))
    for name in GRAPHS:
        if name in graphs:
            return PointDrawer(exported, name)
    raise ModelFailure(
        f"{exported.signature.name} has the graphs {', '.join(sorted(graphs))}, none that draws."
    )


def refuse(wish: Drawing, names: Sequence[str], model: str) -> None:
    """Raise `Unsupported` where the wish has one of `names`."""
    for name in names:
        if getattr(wish, name) not in (None, ""):
            raise Unsupported(f"{model} takes no {name}; leave it out.", field=name)
