from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from models.common import metrics, recipe, request, source
from models.common.failures import BadRecipe
from models.common.request import Places, Wish
from models.common.targets import targets

PLACES = Places(
    role_arn="arn:aws:iam::000000000000:role/training",
    region="eu-west-1",
    code="s3://models/code/source.tar.gz",
    channels={"training": "s3://models/data/digits/"},
    output="s3://models/trained/",
    checkpoints="s3://models/checkpoints/vae-1/",
    cache="s3://models/neuron-cache/",
)
WISH = Wish("vae-1", recipe.load("vae"), "tiny", "cpu", {"steps": 50})


def test_should_ask_for_what_the_recipe_and_the_target_say() -> None:
    asked = request.training(WISH, PLACES)
    assert asked["HyperParameters"] == {
        "task": '"train"',
        "recipe": '"vae"',
        "preset": '"tiny"',
        "steps": "50",
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "s3://models/code/source.tar.gz",
    }
    algorithm = asked["AlgorithmSpecification"]
    assert algorithm["TrainingImage"].startswith("763104351884.dkr.ecr.eu-west-1.amazonaws.com/")
    assert asked["ResourceConfig"]["InstanceType"] == targets()["cpu"].instance
    told = metrics.line(3, {"loss": 1.5, "reconstruction": 1.0, "kl": 0.5})
    found = {
        each["Name"]: re.findall(each["Regex"], told) for each in algorithm["MetricDefinitions"]
    }
    assert found == {"loss": ["1.5"], "reconstruction": ["1"], "kl": ["0.5"]}


def test_should_give_spot_capacity_a_longest_wait_and_a_place_to_go_on_from() -> None:
    asked = request.training(replace(WISH, spot=True), PLACES)
    assert asked["EnableManagedSpotTraining"]
    stopping = asked["StoppingCondition"]
    assert stopping["MaxWaitTimeInSeconds"] >= stopping["MaxRuntimeInSeconds"]
    assert asked["CheckpointConfig"]["S3Uri"] == PLACES.checkpoints
    assert "EnableManagedSpotTraining" not in request.training(WISH, PLACES)


def test_should_name_the_cache_of_the_compiler_on_trainium() -> None:
    asked = request.training(replace(WISH, target="trn1-xla"), PLACES)
    assert asked["Environment"]["NEURON_COMPILE_CACHE_URL"] == PLACES.cache
    assert asked["ResourceConfig"]["InstanceType"] == "ml.trn1.2xlarge"


def test_should_want_an_image_where_none_is_pinned() -> None:
    wish = replace(WISH, target="trn2-native")
    with pytest.raises(
        BadRecipe, match="no pinned image; name one of your own, or train on gpu or cpu"
    ):
        request.training(wish, PLACES)
    asked = request.training(replace(wish, image="000.dkr.ecr.x.amazonaws.com/own:1"), PLACES)
    assert asked["AlgorithmSpecification"]["TrainingImage"].endswith("own:1")


def test_should_finish_on_the_evaluations_numbers() -> None:
    asked = request.finishing(WISH, PLACES)
    assert asked["HyperParameters"]["task"] == '"finish"'
    elsewhere = replace(WISH, target="trn2-native", spot=True)
    assert request.finishing(elsewhere, PLACES) == asked
    names = {each["Name"] for each in asked["AlgorithmSpecification"]["MetricDefinitions"]}
    assert names == set(WISH.recipe.gates)


def test_should_be_refused_before_it_is_sent_where_the_api_would() -> None:
    with pytest.raises(BadRecipe, match="TrainingJobName: 'a_b' is no name"):
        request.training(replace(WISH, job_name="a_b"), PLACES)
    broken = request.training(WISH, PLACES)
    broken["ResourceConfig"]["InstanceCount"] = "one"
    with pytest.raises(BadRecipe, match=r"ResourceConfig\.InstanceCount"):
        request.validated(broken)


def test_should_refuse_a_target_that_the_recipe_does_not_have() -> None:
    fewer = WISH.recipe.model_copy(update={"targets": {"cpu": WISH.recipe.targets["cpu"]}})
    with pytest.raises(BadRecipe, match="does not train on 'gpu'; it does on cpu"):
        request.training(replace(WISH, recipe=fewer, target="gpu"), PLACES)


def test_the_code_should_be_the_same_bytes_and_hold_together_alone(tmp_path: Path) -> None:
    packed = source.archive()
    assert packed == source.archive()
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        archive.extractall(tmp_path, filter="data")
    needed = (tmp_path / "requirements.txt").read_text()
    assert "safetensors==" in needed
    assert "pytest" not in needed
    assert not re.search(r"^torch", needed, re.MULTILINE)
    read = "from models.common import recipe, job; print(recipe.load('vae').name)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, '.'); {read}"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "vae", done.stderr
