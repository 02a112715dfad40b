"""What a stage trained of pictures and words, on a whole local cloud: small models that were made
without training, and those of smoke presets.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chalicelib.inference import blip2, flamingo
from chalicelib.inference.image_text import ImageAnswer, ImageExample, ImageQuestion
from chalicelib.inference.pixels import encode_png
from models.datasets import shapes
from tests.cloud import CloudProcess
from tests.e2e.serving import asked, forget, refused, serve, swapped
from tests.e2e.tenants import Tenant, make_tenant
from tests.e2e.test_batches import begun, fetched
from tests.exported_clip import clip_files
from tests.exported_image_text import blip2_files, flamingo_files
from tests.exported_models import Files, read
from tests.trained_models import LIMIT_SECONDS, ensure_trained, files

Model = Callable[[str], Files]
MADE: Mapping[str, Callable[[], Files]] = {
    "clip": lambda: clip_files("clip"),
    "blip2": blip2_files,
    "flamingo": flamingo_files,
}
SCENES = [
    shapes.Scene(shape, colour, "large", "white")
    for shape, colour in (("circle", "red"), ("square", "blue"), ("star", "green"))
]


def drawn() -> list[bytes]:
    """Return a PNG of each scene, the same each time."""
    import random

    chance = random.Random(7)
    return [encode_png(shapes.draw(scene, chance)) for scene in SCENES]


PICTURES = drawn()
GIVEN = [{"media_type": "image/png", "data": base64.b64encode(each).decode()} for each in PICTURES]
LABELS = [scene.colour for scene in SCENES]


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, f"looks-{secrets.token_hex(3)}")
    yield made
    made.api.close()


@pytest.fixture(scope="module", params=["made", pytest.param("trained", marks=pytest.mark.slow)])
def model(request: pytest.FixtureRequest) -> Model:
    """Files of a recipe's model."""
    if request.param == "made":
        return lambda recipe: MADE[recipe]()
    models = ensure_trained(*MADE)
    return lambda recipe: files(models[recipe])


def served_names(cloud: CloudProcess) -> str:
    """Return the keys of what serves."""
    listed = cloud.client("s3").list_objects_v2(
        Bucket=cloud.outputs["DocumentsBucketName"], Prefix="models/serving/"
    )
    return " ".join(each["Key"] for each in listed.get("Contents", ()))


def turns(*shown: str, question: str = "") -> list[dict[str, Any]]:
    """Return a conversation whose earlier turns show pictures with these answers."""
    said: list[dict[str, Any]] = []
    for picture, answer in zip(GIVEN, shown, strict=False):
        said += [{"role": "user", "images": [picture]}, {"role": "assistant", "content": answer}]
    return [*said, {"role": "user", "images": [GIVEN[len(shown)]], "content": question}]


def nothing_yet(cloud: CloudProcess, tenant: Tenant, **asking: Any) -> None:
    """Ask a model before any version of it is served, unless one was."""
    name = asking["model"]
    if name not in served_names(cloud):
        assert f"models serve {name} VERSION" in refused(tenant, 409, **asking)


@pytest.mark.timeout(LIMIT_SECONDS)
def test_a_clip_should_embed_pictures_and_texts_and_tell_classes(
    cloud: CloudProcess, tenant: Tenant, model: Model, tmp_path: Path
) -> None:
    made = model("clip")
    embedding: dict[str, Any] = {"task": "embedding", "model": "shapes-clip"}
    nothing_yet(cloud, tenant, **embedding, images=GIVEN)
    first = swapped(
        cloud, tmp_path, "shapes-clip", "headrace-local-clip", made, function="embed-image"
    )
    found = asked(tenant, **embedding, images=GIVEN)
    vectors = np.array(found["output"]["vectors"])
    assert vectors.shape == (3, read(made).signature.constants["vector"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-4)
    (line,) = found["receipt"]["lines"]
    assert (line["model"], line["priced_as"], line["images"]) == (first.label, "lambda", 3)
    assert Decimal(line["dollars"]) > 0
    of_texts(tenant, vectors)
    classes(cloud, tenant, made, tmp_path, vectors)
    by_a_batch(tenant, vectors)
    second = serve(cloud, tmp_path, "shapes-clip", "headrace-local-clip", made)
    cloud.client("s3").put_object(
        Bucket=cloud.outputs["DocumentsBucketName"],
        Key=f"{second.prefix}image_tower.onnx",
        Body=b"corrupt",
    )
    forget(cloud, "embed-image")
    again = asked(tenant, **embedding, images=GIVEN)
    assert again["output"]["vectors"] == found["output"]["vectors"]
    assert again["answered_by"] == first.label


def of_texts(tenant: Tenant, pictures: np.ndarray) -> None:
    """Embed texts by our own route and by OpenAI's, and refuse what is too long."""
    body: dict[str, Any] = {"task": "embedding", "model": "shapes-clip", "texts": LABELS}
    found = np.array(asked(tenant, **body)["output"]["vectors"])
    assert found.shape == pictures.shape
    told = asked(tenant, "/v1/embeddings", model="shapes-clip", input=LABELS)
    assert np.allclose([each["embedding"] for each in told["data"]], found, atol=1e-6)
    assert told["usage"]["prompt_tokens"] >= 3 * len(LABELS)
    too_long: dict[str, Any] = {**body, "texts": ["a red circle " * 20]}
    assert "leave words out" in refused(tenant, 400, **too_long)
    broken = {"media_type": "image/png", "data": "AAAA"}
    asking: dict[str, Any] = {
        "task": "embedding",
        "model": "shapes-clip",
        "images": [GIVEN[0], broken],
    }
    assert "images.1 is no picture" in refused(tenant, 400, **asking)


def classes(
    cloud: CloudProcess, tenant: Tenant, made: Files, folder: Path, pictures: np.ndarray
) -> None:
    """Have labels told of the pictures, as the vectors of both say."""
    body: dict[str, Any] = {"task": "classification", "model": "shapes-classes", "images": GIVEN}
    nothing_yet(cloud, tenant, **body, labels=LABELS)
    served = swapped(
        cloud, folder, "shapes-classes", "headrace-local-clip", made, function="classify-image"
    )
    found = asked(tenant, **body, labels=LABELS, templates=["{}"])
    names: dict[str, Any] = {"task": "embedding", "model": "shapes-clip", "texts": LABELS}
    texts = np.array(asked(tenant, **names)["output"]["vectors"])
    temperature = read(made).signature.constants["temperature"]
    logits = pictures @ texts.T / temperature
    wanted = np.exp(logits - logits.max(axis=1, keepdims=True))
    wanted /= wanted.sum(axis=1, keepdims=True)
    assert np.allclose(found["output"]["shares"], wanted, atol=1e-4)
    assert (found["output"]["labels"], found["answered_by"]) == (LABELS, served.label)
    own = asked(tenant, **body, labels=LABELS)
    assert np.sum(own["output"]["shares"], axis=1) == pytest.approx([1, 1, 1])


def by_a_batch(tenant: Tenant, pictures: np.ndarray) -> None:
    """Have a picture embedded by a line of a batch."""
    line = {"id": "a", "images": GIVEN[:1]}
    batch = tenant.ended(begun(tenant, [json.dumps(line)], model="shapes-clip"))
    assert batch["status"] == "succeeded", batch
    (result,) = fetched(batch)["results.jsonl"]
    assert np.allclose(result["generation"]["output"]["vectors"], pictures[:1], atol=1e-6)


def told_by(found: dict[str, Any]) -> ImageAnswer:
    """Return what a generation told, as a model tells it."""
    usage, output = found["usage"], found["output"]
    return ImageAnswer(output["text"], output["finish"], usage["tokens_in"], usage["tokens_out"])


@pytest.mark.timeout(LIMIT_SECONDS)
def test_a_blip2_should_caption_and_answer_as_its_graphs_do(
    cloud: CloudProcess, tenant: Tenant, model: Model, tmp_path: Path
) -> None:
    made = model("blip2")
    own = blip2.open_model(read(made))
    for name, function in (
        ("shapes-captions", "caption-image"),
        ("shapes-answers", "answer-image"),
    ):
        words = "Which colour?" if name == "shapes-answers" else ""
        nothing_yet(cloud, tenant, model=name, messages=turns(question=words))
        swapped(cloud, tmp_path, name, "headrace-local-blip2", made, function=function)
    limits: dict[str, Any] = {"max_tokens": 6, "allow_truncation": True}
    caption = asked(tenant, model="shapes-captions", messages=turns(), **limits)
    assert told_by(caption) == own.answer(ImageQuestion(PICTURES[0], max_tokens=6))
    assert [each["priced_as"] for each in caption["receipt"]["lines"]] == ["lambda"]
    question = "Which colour?"
    answer = asked(tenant, model="shapes-answers", messages=turns(question=question), **limits)
    assert told_by(answer) == own.answer(ImageQuestion(PICTURES[0], question, max_tokens=6))
    url = f"data:image/png;base64,{GIVEN[0]['data']}"
    content = [{"type": "image_url", "image_url": {"url": url}}]
    said: dict[str, Any] = {
        "model": "shapes-captions",
        "messages": [{"role": "user", "content": content}],
    }
    chat = asked(tenant, "/v1/chat/completions", **said, max_tokens=6)
    assert chat["choices"][0]["message"]["content"] == caption["output"]["text"]
    unknown: dict[str, Any] = {"model": "shapes-answers", "messages": turns(question="What hue?")}
    assert "does not know 'what', 'hue'; it knows" in refused(tenant, 400, **unknown)
    two: dict[str, Any] = {"model": "shapes-answers", "messages": turns("red")}
    assert "looks at 1 picture" in refused(tenant, 400, **two)


@pytest.mark.timeout(LIMIT_SECONDS)
def test_a_flamingo_should_answer_as_it_is_shown(
    cloud: CloudProcess, tenant: Tenant, model: Model, tmp_path: Path
) -> None:
    made = model("flamingo")
    own = flamingo.open_image_text_model(read(made))
    served = swapped(
        cloud,
        tmp_path,
        "shapes-flamingo",
        "headrace-local-flamingo",
        made,
        function="answer-image",
    )
    found = asked(tenant, model="shapes-flamingo", messages=turns("red", "blue"))
    shown = tuple(ImageExample(*each) for each in zip(PICTURES[:2], ("red", "blue"), strict=True))
    assert told_by(found) == own.answer(ImageQuestion(PICTURES[2], examples=shown))
    assert found["answered_by"] == served.label
    words: dict[str, Any] = {
        "model": "shapes-flamingo",
        "messages": turns("red", question="which colour ?"),
    }
    assert "takes no words about a picture" in refused(tenant, 400, **words)
