from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from infra.packaging.closure import ModuleSource
from models.failures import BadRecipe
from models.sagemaker import code_archive, job_requests
from models.sagemaker.code_archive import PROJECT
from models.sagemaker.job_requests import JobLocations, JobSpec
from models.training import metrics, recipe
from models.training.targets import targets

PLACES = JobLocations(
    role_arn="arn:aws:iam::000000000000:role/training",
    region="eu-west-1",
    code="s3://models/code/source.tar.gz",
    channels={"training": "s3://models/data/digits/"},
    output="s3://models/trained/",
    checkpoints="s3://models/checkpoints/vae-1/",
    cache="s3://models/neuron-cache/",
)
WISH = JobSpec("vae-1", recipe.load("vae"), "tiny", "cpu", {"steps": 50})


def test_should_ask_for_what_the_recipe_and_the_target_say() -> None:
    asked = job_requests.training_request(WISH, PLACES)
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
    told = metrics.log_line(3, {"loss": 1.5, "reconstruction": 1.0, "kl": 0.5})
    found = {
        each["Name"]: re.findall(each["Regex"], told) for each in algorithm["MetricDefinitions"]
    }
    assert found == {"loss": ["1.5"], "reconstruction": ["1"], "kl": ["0.5"]}


def test_should_give_spot_capacity_a_longest_wait_and_a_place_to_go_on_from() -> None:
    asked = job_requests.training_request(replace(WISH, spot=True), PLACES)
    assert asked["EnableManagedSpotTraining"]
    stopping = asked["StoppingCondition"]
    assert stopping["MaxWaitTimeInSeconds"] >= stopping["MaxRuntimeInSeconds"]
    assert asked["CheckpointConfig"]["S3Uri"] == PLACES.checkpoints
    assert "EnableManagedSpotTraining" not in job_requests.training_request(WISH, PLACES)


def test_should_name_the_cache_of_the_compiler_on_trainium() -> None:
    asked = job_requests.training_request(replace(WISH, target="trn1-xla"), PLACES)
    assert asked["Environment"]["NEURON_COMPILE_CACHE_URL"] == PLACES.cache
    assert asked["ResourceConfig"]["InstanceType"] == "ml.trn1.2xlarge"


def test_should_want_an_image_where_none_is_pinned() -> None:
    wish = replace(WISH, target="trn2-native")
    with pytest.raises(
        BadRecipe, match="no pinned image; name one of your own, or train on gpu or cpu"
    ):
        job_requests.training_request(wish, PLACES)
    asked = job_requests.training_request(
        replace(wish, image="000.dkr.ecr.x.amazonaws.com/own:1"), PLACES
    )
    assert asked["AlgorithmSpecification"]["TrainingImage"].endswith("own:1")


def test_should_finish_on_the_evaluations_numbers() -> None:
    asked = job_requests.finish_request(WISH, PLACES)
    assert asked["HyperParameters"]["task"] == '"finish"'
    elsewhere = replace(WISH, target="trn2-native", spot=True)
    assert job_requests.finish_request(elsewhere, PLACES) == asked
    names = {each["Name"] for each in asked["AlgorithmSpecification"]["MetricDefinitions"]}
    assert names == set(WISH.recipe.gates)


def test_should_be_refused_before_it_is_sent_where_the_api_would() -> None:
    with pytest.raises(BadRecipe, match="TrainingJobName: 'a_b' is no name"):
        job_requests.training_request(replace(WISH, job_name="a_b"), PLACES)
    broken = job_requests.training_request(WISH, PLACES)
    broken["ResourceConfig"]["InstanceCount"] = "one"
    with pytest.raises(BadRecipe, match=r"ResourceConfig\.InstanceCount"):
        job_requests.validate_request(broken)


def test_should_refuse_a_target_that_the_recipe_does_not_have() -> None:
    fewer = WISH.recipe.model_copy(update={"targets": {"cpu": WISH.recipe.targets["cpu"]}})
    with pytest.raises(BadRecipe, match="does not train on 'gpu'; it does on cpu"):
        job_requests.training_request(replace(WISH, recipe=fewer, target="gpu"), PLACES)


PACKAGES = {"re2": "google-re2", "PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"} | {
    name: name.replace("_", "-") for name in ("pydantic_core", "rouge_score")
}
IN_IMAGES = {"torch", "torch_xla"}
OPTIONAL = {"babel", "bitsandbytes", "pi_heif"}
"""What jobs go without, saying so where it is asked for: the data set of dates, which is written
before a job, QLoRA, and pictures as HEIC."""


def third_party(folder: Path) -> set[str]:
    """Return the packages that the modules in `folder` import, but for our own."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names - {"chalicelib", "models"}


def missing_modules(folder: Path) -> set[str]:
    """Return the project's modules that those in `folder` import and that are not in it."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        found |= {each for each in ModuleSource.read(name, path).imports() if isinstance(each, str)}
    return {each for each in found if module_file(PROJECT, each) and not module_file(folder, each)}


def module_file(folder: Path, name: str) -> Path | None:
    """Return the file of a module or package of the project below `folder`, if there is one."""
    path = folder.joinpath(*name.split("."))
    below = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    ours = name.partition(".")[0] in {"chalicelib", "models"}
    return next((file for file in below if ours and file.is_file()), None)


def test_the_code_should_be_the_same_bytes_and_hold_together_alone(tmp_path: Path) -> None:
    packed = code_archive.build_archive()
    assert packed == code_archive.build_archive()
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert not missing_modules(tmp_path)
    needed = (tmp_path / "requirements.txt").read_text()
    pinned = re.findall(
        r"^([a-z0-9-]+)==\S+((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", needed, re.M
    )
    assert len(pinned) == needed.count("==")
    names = {name for name, _ in pinned}
    imported = {PACKAGES.get(each, each) for each in third_party(tmp_path)}
    assert imported - names == IN_IMAGES | OPTIONAL
    assert not names & (IN_IMAGES | {"boto3", "hypothesis", "pytest", "trl"})
    read = "from models.training import job, recipe; print(recipe.load('vae').name)"
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
