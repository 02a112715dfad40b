"""Embedders that a stage trained, as functions open them by their pinned names."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from chalicelib.contracts.model_manifest import FILE, Signature
from chalicelib.contracts.serving import pinned_name, pinned_prefix
from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure, NotFound, Throttled
from chalicelib.inference.tuned_embedder import TunedEmbedders, open_model
from tests.exported_models import Files, changed, read, version
from tests.exported_texts import classifier, embedder


@dataclass
class Kept:
    """Files of versions by their keys, and how often one was read."""

    files: dict[str, bytes] = field(default_factory=dict)
    reads: int = 0

    def put(self, name: str, files: Files) -> str:
        """Keep a version and return its pinned name."""
        pinned = pinned_name(name, version(files).signature)
        self.files |= {f"{pinned_prefix(pinned)}{file}": body for file, body in files.items()}
        return pinned

    def read(self, key: str) -> bytes:
        self.reads += 1
        if key not in self.files:
            raise NotFound(key)
        return self.files[key]


def misfit(**constants: object) -> Files:
    """Return an embedder whose manifest does not fit its graph."""
    signature = Signature.model_validate_json(embedder()[FILE])
    return changed(embedder(), constants={**signature.constants, **constants})


def test_queries_and_passages_should_be_read_with_the_prefixes_of_the_manifest() -> None:
    plain = open_model(read(embedder()))
    prefixed = open_model(read(embedder(query_prefix="the ", passage_prefix="cold ")))
    asked = prefixed.embed(["room was"], queries=True)
    told, tokens = prefixed.embed_counted(["room was"])
    assert asked.tolist() == plain.embed(["the room was"]).tolist()
    assert told.tolist() == plain.embed(["cold room was"]).tolist()
    assert (tokens, prefixed.count_tokens("room was"), plain.count_tokens("room was")) == (3, 3, 2)
    assert np.linalg.norm(told, axis=1) == pytest.approx([1.0])


def test_a_text_should_be_cut_or_refused_at_the_context_with_its_prefix() -> None:
    model = open_model(read(embedder(context=3, passage_prefix="the ")))
    assert (
        model.embed(["room was warm"], truncate=True).tolist() == model.embed(["room was"]).tolist()
    )
    with pytest.raises(InvalidInput, match="Text 1 has 4 tokens; the model takes 3"):
        model.embed(["room", "room was warm"])
    with pytest.raises(InvalidInput, match="Text 0 has nothing to embed"):
        model.embed([""])


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (classifier(), "none that embeds texts"),
        (misfit(dimensions=5), "other dimensions than 5"),
        (misfit(context="many"), "no number context"),
        (misfit(query_prefix=3), "query_prefix that is no text"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_no_embedder_should_be_refused(files: Files, problem: str) -> None:
    with pytest.raises(ModelFailure, match=problem):
        open_model(read(files))


def test_a_pinned_version_should_be_opened_once_and_be_named_by_its_vectors() -> None:
    kept = Kept()
    one, two = (kept.put("support", embedder(seed=seed)) for seed in (1, 2))
    models = TunedEmbedders(kept)
    first, second = models.get(one), models.get(two)
    assert (first.model, second.model) == (one, two)
    assert first.embed(["warm"]).tolist() != second.embed(["warm"]).tolist()
    reads = kept.reads
    assert models.get(one) is first
    assert kept.reads == reads


def test_only_the_last_two_versions_should_stay_open() -> None:
    kept = Kept()
    one, two, three = (kept.put("support", embedder(seed=seed)) for seed in (1, 2, 3))
    models = TunedEmbedders(kept)
    first, second = models.get(one), models.get(two)
    models.get(one)
    models.get(three)
    assert models.get(one) is first
    assert models.get(two) is not second


def test_a_version_that_is_gone_or_changed_should_be_told() -> None:
    kept = Kept()
    models = TunedEmbedders(kept)
    pinned = kept.put("support", embedder())
    for broken in ("mini", "support@", "support@../../x", "support@0123456789abcdeg"):
        with pytest.raises(ModelFailure, match="names no version"):
            models.get(broken)
    gone = pinned_name("support", "0" * 64)
    with pytest.raises(ModelFailure, match=f"signature.json of {gone} is gone. Serve that version"):
        models.get(gone)
    graph = f"{pinned_prefix(pinned)}embedder.onnx"
    whole = kept.files[graph]
    kept.files[graph] = b"another"
    with pytest.raises(ModelFailure, match=r"embedder\.onnx has sha256"):
        models.get(pinned)
    kept.files[graph] = whole
    kept.files[f"{pinned_prefix(pinned)}{FILE}"] = b"{}"
    with pytest.raises(ModelFailure, match=f"signature.json of {pinned} has sha256"):
        models.get(pinned)


@pytest.mark.parametrize(
    ("refusal", "told", "wanted"),
    [
        (
            HeadraceError("AccessDenied"),
            "is gone, or may not be read.*: AccessDenied",
            ModelFailure,
        ),
        (Throttled("SlowDown"), "SlowDown", Throttled),
    ],
)
def test_what_s3_forbids_should_be_told_as_what_may_be_gone(
    refusal: HeadraceError, told: str, wanted: type[HeadraceError]
) -> None:
    class Refusing:
        def read(self, key: str) -> bytes:
            raise refusal

    with pytest.raises(wanted, match=told):
        TunedEmbedders(Refusing()).get(pinned_name("support", "0" * 64))
