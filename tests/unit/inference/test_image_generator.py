from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from onnx import helper

from chalicelib.errors import InvalidInput, ModelFailure, Unsupported
from chalicelib.inference import diffusion
from chalicelib.inference.image_generator import ImageSampling, open_model
from tests.exported_models import SCALE, WORDS, decoder, denoiser, exported, graph, read


def test_should_make_a_picture_of_each_point_of_a_seed() -> None:
    drawn = open_model(read(decoder())).generate_images(ImageSampling(count=3, seed=7))
    points = diffusion.noise(7, 3, (4,)).clip(-1, 1)
    assert (drawn.shape, drawn.dtype) == ((3, 2, 2, 1), np.dtype(np.uint8))
    assert drawn.reshape(3, 4) == pytest.approx((points + 1) * 127.5, abs=0.51)


def test_should_draw_the_same_picture_whatever_else_is_drawn() -> None:
    model = open_model(read(decoder()))
    alone, two = (model.generate_images(ImageSampling(count=n, seed=7)) for n in (1, 2))
    assert np.array_equal(alone[0], two[0])
    assert not np.array_equal(two[0], two[1])


def test_should_walk_from_one_seed_to_another() -> None:
    model = open_model(read(decoder()))
    walked = model.generate_images(ImageSampling(count=3, seed=7, to_seed=8))
    ends = [model.generate_images(ImageSampling(count=1, seed=seed))[0] for seed in (7, 8)]
    assert np.array_equal(walked[[0, 2]], np.stack(ends))
    assert not any(np.array_equal(walked[1], end) for end in ends)


@pytest.mark.parametrize(
    "wish", [{"prompt": "a"}, {"negative_prompt": "a"}, {"steps": 3}, {"guidance": 0.0}]
)
def test_should_refuse_what_a_model_of_points_has_no_use_for(wish: Mapping[str, Any]) -> None:
    (name,) = wish
    with pytest.raises(Unsupported, match=f"tried takes no {name}") as refused:
        open_model(read(decoder())).generate_images(ImageSampling(count=1, seed=0, **wish))
    assert refused.value.field == name


@pytest.mark.parametrize(
    ("wish", "shade"),
    [
        ({"prompt": "light"}, 255),
        ({"prompt": "dark"}, 0),
        ({}, 128),
        ({"negative_prompt": "light", "guidance": 2.0}, 0),
        ({"prompt": "light", "guidance": 0.5}, 191),
        ({"prompt": "light", "steps": 4}, 255),
    ],
)
def test_should_draw_what_a_prompt_says_and_not_what_it_denies(
    wish: Mapping[str, Any], shade: int
) -> None:
    drawn = open_model(read(denoiser())).generate_images(ImageSampling(count=2, seed=3, **wish))
    assert drawn.shape == (2, 2, 2, 1)
    assert np.abs(drawn.astype(int) - shade).max() <= 1


@pytest.mark.parametrize(
    ("wish", "field", "told"),
    [
        ({"prompt": "a cat"}, "prompt", "does not know 'a', 'cat'; .* light, dark"),
        ({"negative_prompt": "cat"}, "negative_prompt", "does not know 'cat'"),
        ({"steps": 5}, "steps", "from 1 to 4"),
        ({"steps": 4_000}, "steps", "2 pictures of 4000 steps are too many at once"),
        ({"guidance": 21.0}, "guidance", "from 0 to 20"),
        ({"negative_prompt": "light"}, "guidance", "does not look at the negative prompt"),
    ],
)
def test_should_name_what_is_wrong_with_a_wish(
    wish: Mapping[str, Any], field: str, told: str
) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        open_model(read(denoiser())).generate_images(ImageSampling(count=2, seed=3, **wish))
    assert refused.value.field == field


def of_points(node: str, constants: Mapping[str, Any], *inputs: str) -> Mapping[str, bytes]:
    """Return files of a model whose graph is one node from `latent` to `image`."""
    nodes = [
        helper.make_node("Reshape", ["latent", "shape"], ["plain"]),
        helper.make_node(node, ["plain"], ["image"]),
    ]
    content = graph(nodes, {"latent": ["n", 4]}, "image", {"shape": np.array([-1, 1, 2, 2])})
    return exported({"decoder": (inputs or ("latent",), content)}, constants)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (exported({}, SCALE), "has the graphs , none that draws"),
        (of_points("Identity", SCALE), "no number latent in its signature.json"),
        (of_points("Identity", {**SCALE, "latent": 4, "side": True}), "no number side"),
        (of_points("Identity", {**SCALE, "latent": 4, "channels": 2}), "knows no pictures"),
        (of_points("Identity", {**SCALE, "latent": 4, "highest": -1.0}), "knows no pictures"),
        (of_points("Identity", {**SCALE, "latent": 4, "side": 3}), r"drew \(1, 1, 2, 2\) and not"),
        (of_points("Identity", {**SCALE, "latent": 4}, "tokens", "past"), "takes more than"),
        (of_points("Log", {**SCALE, "latent": 4}), "or no numbers"),
        (of_points("Identity", {**SCALE, "latent": 3}), "tried failed: "),
    ],
)
def test_should_not_open_what_does_not_draw(files: Mapping[str, bytes], told: str) -> None:
    with pytest.raises(ModelFailure, match=told):
        open_model(read(files))


def changed(**constants: Any) -> Mapping[str, bytes]:
    """Return the diffusion model with other constants."""
    files = denoiser()
    known = dict(read(files).signature.constants)
    inputs = ("image", "step", "tokens")
    kept = {name: value for name, value in {**known, **constants}.items() if value is not None}
    graphs = {"denoiser": (inputs, files["denoiser.onnx"])}
    return exported(graphs, kept, {"vocabulary.json": WORDS})


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (changed(alphas_cumprod=None), "no alphas_cumprod"),
        (changed(alphas_cumprod=(0.1, 0.9)), "do not fall from 1 to 0"),
        (changed(alphas_cumprod=(0.9, 0.0)), "do not fall from 1 to 0"),
        (changed(guidance=None), "no number guidance"),
        (changed(prompt_tokens=0), "tried failed: "),
        ({**changed(), "vocabulary.json": b"{}"}, "vocabulary.json has sha256"),
        (
            exported({"denoiser": (("image",), denoiser()["denoiser.onnx"])}, SCALE),
            "takes image, and not image, step, tokens",
        ),
    ],
)
def test_should_not_open_a_diffusion_model_that_lacks_something(
    files: Mapping[str, bytes], told: str
) -> None:
    with pytest.raises(ModelFailure, match=told):
        open_model(read(files))
