"""Compile a model for Inferentia or Trainium: `python -m models.serving.compile_neuron`.

It has to run where the Neuron compiler is: in the image that `models/serving/images.json` pins for
the target. Anywhere else it says so; `--show` prints what it would run. Shapes are fixed when a
model is compiled, so `--batch` and `--tokens` are those that the endpoint will serve.

inf2: ahead of time, by optimum-neuron on torch-neuronx (in maintenance since Neuron 2.32).
https://huggingface.co/docs/optimum-neuron/guides/export_model
trn2: vLLM compiles when it loads a model, and keeps what it compiled in the cache at `--into`,
which the endpoint is given by NEURON_COMPILE_CACHE_URL; this loads the model once.
https://awsdocs-neuron.readthedocs-hosted.com/en/latest/vllm-neuron/docs/getting-started/setup-guide.html
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from models.serving.images import images

Target = Literal["inf2", "trn2"]
COMPILER = "neuronx-cc"
CACHE = "NEURON_COMPILE_CACHE_URL"
INSTANCES: Mapping[Target, str] = {"inf2": "ml.inf2.xlarge", "trn2": "ml.trn2.48xlarge"}

_LOAD = (
    "import sys; from vllm import LLM; "
    "LLM(model=sys.argv[1], max_num_seqs=int(sys.argv[2]), max_model_len=int(sys.argv[3]))"
)


class CannotCompile(Exception):  # noqa: N818 - named for what it tells
    """Raised when no Neuron compiler is installed; the message says where to get one."""


@dataclass(frozen=True, slots=True)
class CompileOrder:
    """A model to compile.

    `model` is a folder or a name on a hub; `into` is a folder, or for trn2 the address of the
    cache, which may be in S3.
    """

    target: Target
    model: str
    into: str
    batch: int = 1
    tokens: int = 256
    task: str = "feature-extraction"


@dataclass(frozen=True, slots=True)
class Command:
    """A command with the environment variables to add."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the command as shell text."""
        named = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join([*named, shlex.join(self.arguments)])


@dataclass(frozen=True, slots=True)
class InstalledTools:
    """Lookups of installed programs and modules, replaced in tests."""

    has_program: Callable[[str], bool] = lambda name: shutil.which(name) is not None
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None


def command(order: CompileOrder) -> Command:
    """Return the command that compiles the model."""
    if order.target == "trn2":
        shape = (str(order.batch), str(order.tokens))
        return Command(("python", "-c", _LOAD, order.model, *shape), {CACHE: order.into})
    options = {
        "--model": order.model,
        "--task": order.task,
        "--batch_size": str(order.batch),
        "--sequence_length": str(order.tokens),
        "--auto_cast": "matmul",
        "--auto_cast_type": "bf16",
    }
    flat = (word for option in options.items() for word in option)
    return Command(("optimum-cli", "export", "neuron", *flat, order.into))


def check(target: Target, machine: InstalledTools) -> None:
    """Raise CannotCompile unless `machine` meets the requirements of compiling for `target`."""
    missing = [] if machine.has_program(COMPILER) else [COMPILER]
    if target == "inf2" and not machine.has_program("optimum-cli"):
        missing.append("optimum-cli")
    if target == "trn2" and not machine.has_module("vllm"):
        missing.append("vllm")
    if missing:
        (pinned,) = (each for each in images().values() if each.target == target)
        raise CannotCompile(
            f"This machine cannot compile for {target}: it lacks {', '.join(missing)}. Run this in "
            f"{pinned.repository}:{pinned.tag} on {INSTANCES[target]}; --show prints the command."
        )


def main(arguments: Sequence[str] | None = None, machine: InstalledTools | None = None) -> int:
    """Compile a model. Return 1 if there is no compiler."""
    parser = argparse.ArgumentParser(prog="python -m models.serving.compile_neuron")
    parser.add_argument("--target", choices=INSTANCES, required=True)
    parser.add_argument("--model", required=True, help="a folder, or a name on a hub")
    parser.add_argument("--into", required=True, help="a folder; for trn2 also an s3:// address")
    parser.add_argument("--batch", type=int, default=1, help="texts that are served at once")
    parser.add_argument("--tokens", type=int, default=256, help="the length of each, in tokens")
    parser.add_argument("--task", default="feature-extraction", help="inf2 alone")
    parser.add_argument("--show", action="store_true", help="print the command and run nothing")
    chosen = parser.parse_args(arguments)
    order = CompileOrder(
        chosen.target, chosen.model, chosen.into, chosen.batch, chosen.tokens, chosen.task
    )
    wanted = command(order)
    if chosen.show:
        print(wanted)  # noqa: T201 - the command's answer
        return 0
    try:
        check(order.target, machine or InstalledTools())
    except CannotCompile as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the user has to know
        return 1
    environment = {**os.environ, **wanted.environment}
    return subprocess.run(  # noqa: S603 - the command that --show prints
        wanted.arguments, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main())
