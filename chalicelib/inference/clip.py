"""Vectors of images and texts in one space, and image classification by labels, by CLIP.

A. Radford et al., https://arxiv.org/abs/2103.00020. Images and texts go through their encoder one
at a time, so that each has the same vector, to the bit, whatever else is embedded. Every output of
a graph is checked: its shape, its length and that its numbers are finite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.model_manifest import FILE
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.image_files import fit_square
from chalicelib.inference.pixels import Floats, PixelScale, encode_png
from chalicelib.inference.tokenizers import TOKENIZER_FILE, check_unicode

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

IMAGE_GRAPH, TEXT_GRAPH = "image_tower", "text_tower"
_OUTPUT = "vector"
_TOLERANCE = 1e-3
"""How far the length of a vector may be from 1."""


class ClipModel:
    """A CLIP that turns images and texts into vectors of length 1.

    Constants that the manifest must have, beside those of `PixelScale`: `vector` (numbers in a
    vector), `prompt_tokens` (tokens of the longest text), `temperature` (divides similarities) and
    `templates` (the default prompts of a class).
    """

    def __init__(self, exported: ExportedModel) -> None:
        """Open both graphs and read the tokenizer. Raises `ModelFailure`."""
        self._name = exported.signature.name
        graphs = exported.signature.graphs
        if missing := {IMAGE_GRAPH, TEXT_GRAPH} - graphs.keys():
            raise ModelFailure(
                f"{self._name} has the graphs {', '.join(sorted(graphs))}, and lacks"
                f" {' and '.join(sorted(missing))}: it embeds no pictures."
            )
        self._scale = PixelScale.of(exported)
        constants = exported.numbers("vector", "prompt_tokens", "temperature")
        self.dimensions, self._longest = int(constants["vector"]), int(constants["prompt_tokens"])
        self._temperature = constants["temperature"]
        if self._temperature <= 0:
            raise ModelFailure(f"{self._name} has the temperature {self._temperature:g}, not > 0.")
        self.templates = _read_templates(exported)
        self._tokenizer = _read_tokenizer(exported)
        self._image, self._text = exported.graph(IMAGE_GRAPH), exported.graph(TEXT_GRAPH)

    def embed_image(self, data: bytes, field: str) -> Floats:
        """Return the vector of an image file, [dimensions].

        Raises:
            InvalidInput: the image cannot be read; the error names `field`.
            ModelFailure: the model failed.
        """
        pixels = fit_square(data, self._scale.side, self._scale.channels, field)
        return self._run(self._image, {"image": self._scale.to_floats(pixels[None])})

    def embed_text(self, text: str, field: str) -> tuple[Floats, int]:
        """Return the vector of a text, [dimensions], and how many tokens the text has.

        Raises:
            InvalidInput: the text is empty, invalid Unicode or too long; the error names `field`.
            ModelFailure: the model failed.
        """
        ids = self._ids(text, field)
        tokens, mask = (np.zeros((1, self._longest), np.int64) for _ in range(2))
        tokens[0, : len(ids)], mask[0, : len(ids)] = ids, 1
        return self._run(self._text, {"tokens": tokens, "mask": mask}), len(ids)

    def embed_labels(self, labels: Sequence[str], templates: Sequence[str]) -> tuple[Floats, int]:
        """Return a vector for each label, [labels, dimensions], and how many tokens were read.

        The vector of a label is the mean of those of all templates, with the label in the place of
        `{}`, normalised to length 1 again (section 3.1.4 of the paper).

        Raises:
            InvalidInput, ModelFailure: as `embed_text` does.
        """
        tokens = 0
        means = np.zeros((len(labels), self.dimensions), np.float32)
        for index, label in enumerate(labels):
            for template in templates:
                vector, count = self.embed_text(template.replace("{}", label), f"labels.{index}")
                means[index] += vector
                tokens += count
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        if not lengths.all():
            raise ModelFailure(f"{self._name} has no mean of what the templates say.")
        return means / lengths, tokens

    def label_probabilities(self, image: Floats, labels: Floats) -> NDArray[np.float64]:
        """Return the probability of each label for an image, [labels]; they sum to 1.

        It is the softmax of the cosines divided by the temperature that the model learned.
        """
        logits = labels.astype(np.float64) @ image.astype(np.float64) / self._temperature
        exponentials = np.exp(logits - logits.max())
        probabilities: NDArray[np.float64] = exponentials / exponentials.sum()
        return probabilities

    def _ids(self, text: str, field: str) -> list[int]:
        """Return the token ids of a text that is short enough."""
        check_unicode(text, field)
        ids: list[int] = self._tokenizer.encode(text).ids
        # A beginning and an end, or an end alone.
        if len(ids) <= self._tokenizer.num_special_tokens_to_add(False):
            raise InvalidInput(f"{field} has nothing to embed.", field=field)
        if len(ids) > self._longest:
            raise InvalidInput(
                f"{field} has {len(ids)} tokens, and {self._name} reads {self._longest}; leave"
                " words out.",
                field=field,
                limit=f"{self._longest} tokens",
            )
        return ids

    def _run(self, session: InferenceSession, inputs: Mapping[str, Any]) -> Floats:
        """Run one of the graphs and check the vector that it gives."""
        try:
            (output,) = session.run([_OUTPUT], dict(inputs))
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self._name} failed: {error}") from error
        vector = np.asarray(output, np.float32)
        valid = vector.shape == (1, self.dimensions) and bool(np.isfinite(vector).all())
        if not valid or abs(float(np.linalg.norm(vector)) - 1) > _TOLERANCE:
            raise ModelFailure(
                f"{self._name} gave {vector.shape} and not a vector of {self.dimensions} numbers"
                " whose length is 1."
            )
        result: Floats = vector[0]
        return result


def open_model(exported: ExportedModel) -> ClipModel:
    """Open an exported CLIP and try it on an image and a text.

    Raises:
        ModelFailure: the model is no CLIP, or it failed.
    """
    model = ClipModel(exported)
    vectors, _ = model.embed_labels(["a", "b"], model.templates)
    scale = PixelScale.of(exported)
    black = encode_png(np.zeros((scale.side, scale.side, scale.channels), np.uint8))
    model.label_probabilities(model.embed_image(black, "image"), vectors)
    return model


def _read_templates(exported: ExportedModel) -> tuple[str, ...]:
    """Return the prompt templates of the manifest. Raises `ModelFailure` without any."""
    templates = exported.signature.constants.get("templates")
    if not isinstance(templates, tuple) or not all("{}" in str(template) for template in templates):
        raise ModelFailure(
            f"{exported.signature.name} has no templates in its {FILE}, each with {{}} in it."
        )
    return tuple(str(template) for template in templates)


def _read_tokenizer(exported: ExportedModel) -> Tokenizer:
    """Return the tokenizer, without the truncation and padding that its file may ask for."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(exported.file(TOKENIZER_FILE))
    except ModelFailure:
        raise
    except Exception as error:  # the library raises bare Exception for a bad file
        raise ModelFailure(
            f"{TOKENIZER_FILE} of {exported.signature.name} is none: {error}"
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # a text that spells a special token is plain text
    return tokenizer
