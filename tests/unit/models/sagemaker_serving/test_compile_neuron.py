"""What is compiled by which command. That a command works is for a machine with the compiler."""

from __future__ import annotations

import shlex

import pytest

from models.serving.compile_neuron import INSTANCES, CompileOrder, InstalledTools, command, main
from models.serving.images import UnknownImage, image, images
from tests.architecture.templates import plain

ORDER = ("--model", "models/own", "--into", "compiled", "--batch", "8", "--tokens", "128")


def test_inf2_should_be_compiled_ahead_of_time_with_fixed_shapes() -> None:
    words = shlex.split(str(command(CompileOrder("inf2", "models/own", "compiled", 8, 128))))
    assert words[:3] == ["optimum-cli", "export", "neuron"]
    options = dict(zip(words[3:-1:2], words[4:-1:2], strict=True))
    assert options == {
        "--model": "models/own",
        "--task": "feature-extraction",
        "--batch_size": "8",
        "--sequence_length": "128",
        "--auto_cast": "matmul",
        "--auto_cast_type": "bf16",
    }
    assert words[-1] == "compiled"


def test_trn2_should_be_compiled_by_loading_it_once_into_a_cache() -> None:
    made = command(CompileOrder("trn2", "a model", "s3://bucket/cache", 4, 2048))
    assert made.environment == {"NEURON_COMPILE_CACHE_URL": "s3://bucket/cache"}
    program, switch, script, *shape = made.arguments
    assert (program, switch, shape) == ("python", "-c", ["a model", "4", "2048"])
    compile(script, "script", "exec")
    assert shlex.split(str(made))[1:] == list(made.arguments)


@pytest.mark.parametrize("target", INSTANCES)
def test_without_a_compiler_it_should_say_where_there_is_one(
    target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = InstalledTools(has_program=lambda _: False, has_module=lambda _: False)
    assert main(["--target", target, *ORDER], nothing) == 1
    said = capsys.readouterr().err
    assert f"cannot compile for {target}: it lacks neuronx-cc" in said
    (pinned,) = (each for each in images().values() if each.target == target)
    assert f"{pinned.repository}:{pinned.tag} on ml.{target}." in said


@pytest.mark.parametrize("target", INSTANCES)
def test_what_would_be_run_should_be_shown_anywhere(
    target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--target", target, "--show", *ORDER]) == 0
    assert "models/own" in capsys.readouterr().out


def test_images_should_be_pinned_with_their_source_and_date() -> None:
    for each in images().values():
        assert each.source.startswith("https://")
        assert len(each.date) == len("2026-11-26")
        assert each.tag not in ("", "latest")
    assert (
        image("inf2-transformers")
        .uri("eu-west-1")
        .startswith(
            "763104351884.dkr.ecr.eu-west-1.amazonaws.com/huggingface-pytorch-inference-neuronx:"
        )
    )
    assert image("trn2-vllm").uri("eu-west-1").startswith("public.ecr.aws/neuron/")
    with pytest.raises(UnknownImage, match="no known account in eu-west-1"):
        image("cpu-embeddings").uri("eu-west-1")
    with pytest.raises(UnknownImage, match="No image is called 'x'"):
        image("x")


def test_the_template_should_name_the_image_that_is_pinned() -> None:
    parameters = plain("dev")["Parameters"]
    pinned = image("inf2-transformers")
    assert parameters["EndpointImageRepository"]["Default"] == pinned.repository
    assert parameters["EndpointImageTag"]["Default"] == pinned.tag
    assert parameters["EndpointImageAccount"]["Default"] == pinned.accounts["*"]
