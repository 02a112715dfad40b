"""Model files in bundles: the catalogue's bytes or none."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.generation.catalogue import Catalogue, parse_catalogue
from chalicelib.inference.embedder import MODELS
from infra.packaging.models import (
    CARRIED,
    SECOND_EMBEDDERS,
    carried,
    carried_models,
    pull_carried,
)
from infra.packaging.targets import PackagingError

ROOT = Path(__file__).parents[4]
NAME = "minilm-l6-v2-int8"
FILES = {"model.onnx": b"graph", "model.onnx_data": b"weights", "tokenizer.json": b"{}"}


@pytest.fixture
def known() -> Catalogue:
    """Return the catalogue with small files in place of the model's."""
    written = json.loads((ROOT / "models" / "catalogue.json").read_text())
    (model,) = (each for each in written["models"] if each["name"] == NAME)
    model["files"] = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in FILES.items()
    }
    return parse_catalogue(json.dumps(written))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / NAME).mkdir()
    for name, content in FILES.items():
        (tmp_path / NAME / name).write_bytes(content)
    return tmp_path


def test_weights_should_lie_beside_the_graph(folder: Path, known: Catalogue) -> None:
    found = carried("check_support", folder, known, {})
    assert set(found) == {f"models/cache/{NAME}/{name}" for name in FILES}
    assert carried("gather_parts", folder, known, {}) == {}


def test_a_missing_file_should_be_named_with_the_fix(folder: Path, known: Catalogue) -> None:
    (folder / NAME / "model.onnx_data").unlink()
    with pytest.raises(PackagingError, match=rf"onnx_data is missing.*models pull {NAME}"):
        carried("check_support", folder, known, {})


def test_other_bytes_should_be_refused(folder: Path, known: Catalogue) -> None:
    (folder / NAME / "model.onnx").write_bytes(b"grapf")
    with pytest.raises(PackagingError, match="and the catalogue names"):
        carried("check_support", folder, known, {})


def test_each_function_that_is_told_of_models_should_carry_some() -> None:
    told = set()
    for file in (ROOT / "infra" / "template").glob("*.yaml"):
        for resource in re.split(r"\n  (?=\w+:\n)", file.read_text()):
            if "HEADRACE_MODELS_DIR" in resource:
                told |= set(re.findall(r"Handler: functions\.(\w+)\.", resource))
    assert told == set(CARRIED)


def test_what_embeds_for_a_tenant_should_carry_the_model_that_a_tenant_can_be_moved_to() -> None:
    """Whatever a tenant is moved to, its passages and its questions go through the same model."""
    assert {NAME, *SECOND_EMBEDDERS} == set(MODELS)
    for function in ("embed_chunks", "embed_text", "reembed_passages"):
        for second in SECOND_EMBEDDERS:
            assert carried_models(function, second) == (NAME, second), function


def test_a_package_should_pull_what_its_bundles_carry_or_say_why_it_cannot(
    folder: Path, known: Catalogue
) -> None:
    """Models that are there are not fetched; one without a source is named."""
    there = known.models[NAME]
    names = {name for models in CARRIED.values() for name in models}
    for name in names - {NAME}:
        shutil.copytree(folder / NAME, folder / name)
    served = {name: replace(there, name=name) for name in names}
    pull_carried(folder, replace(known, models=served))
    nowhere = replace(there.sources[0], kind="installed", package="headrace-no-such-package")
    served[NAME] = replace(there, sources=(nowhere,))
    with pytest.raises(PackagingError, match=f"{NAME}: the package headrace-no-such-package"):
        pull_carried(folder, replace(known, models=served))
