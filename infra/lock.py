"""Pinned requirements, compiled in one resolution of which each group is a part.

`dev.txt` is resolved first and constrains the rest, so that a function is tested with the very
versions that its bundle gets. Markers cover Python 3.11 to 3.13; no file names a host. Requirements
of bundles and jobs are pinned with the hashes of their files as well.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
WHOLE = Path("requirements/dev.in")
GROUPS = (
    "requirements/api.in",
    "requirements/localcloud.in",
    "requirements/cli.in",
    "requirements/optimiser.in",
    "requirements/runtime.in",
)
BESIDE = Path("requirements/clients.in")
"""An environment of its own: what it shares with ours has the same version."""
BESIDE_OVERRIDES = Path("requirements/clients.override")
"""Bounds of its packages that would keep it from that; it is installed without resolving again."""
BIAS = Path("requirements/bias.in")
"""What one command needs beside the command line; tested in the environment of training."""
TRAINING = Path("requirements/training.in")
"""Another, for training. It is compiled without torch, whose build each machine chooses."""
TORCH = Path("requirements/torch.in")
XLA = Path("requirements/xla.in")
"""A torch with torch_xla, named by their versions, beside what is compiled for training."""
JOBS = Path("requirements/jobs.in")
"""The part of it that SageMaker's jobs install, without torch as well."""
_IN_IMAGES = ["--python-platform", "linux", "--python-version", "3.12"]
"""The Python and platform of the images of jobs: see models/training/targets.json."""
SHIPPED = ("requirements/api.in", JOBS.as_posix())
"""The groups that run on AWS, beside what each function has of its own; pinned with hashes."""


def sources(project: Path) -> list[Path]:
    """Return the requirement files that are compiled after `dev.in`, project-relative."""
    functions = sorted(project.glob("functions/*/requirements.in"))
    return [Path(group) for group in GROUPS] + [each.relative_to(project) for each in functions]


def is_shipped(source: Path) -> bool:
    """Return whether a bundle or a job contains what a project-relative `.in` file asks for."""
    return source.as_posix() in SHIPPED or source.parts[0] == "functions"


def compile_one(
    project: Path,
    source: Path,
    constraint: Path | None,
    without: Path | None = None,
    overrides: Path | None = None,
) -> None:
    """Compile one `.in` file to the `.txt` beside it, and keep the versions already pinned.

    The requirements in the file `without`, and their own dependencies, are left out; those in
    `overrides` replace what any package asks for.

    Raises:
        CalledProcessError: the requirements cannot be resolved.
    """
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet"]
    command += ["--no-emit-index-url", "--no-header"]
    command += _IN_IMAGES if source == JOBS else ["--universal", "--python-version", "3.11"]
    command += ["--constraint", str(constraint)] if constraint else []
    command += ["--excludes", str(without)] if without else []
    command += ["--overrides", str(overrides)] if overrides else []
    command += ["--generate-hashes"] if is_shipped(source) else []
    target = source.with_suffix(".txt")
    subprocess.run(  # noqa: S603 - our own interpreter and files
        [*command, str(source), "-o", str(target)], cwd=project, check=True, timeout=300
    )


def main() -> int:
    """Compile every requirement file."""
    compile_one(PROJECT, WHOLE, None)
    for source in sources(PROJECT):
        compile_one(PROJECT, source, WHOLE.with_suffix(".txt"))
    compile_one(PROJECT, BESIDE, WHOLE.with_suffix(".txt"), overrides=BESIDE_OVERRIDES)
    compile_one(PROJECT, BIAS, WHOLE.with_suffix(".txt"))
    compile_one(PROJECT, TRAINING, WHOLE.with_suffix(".txt"), TORCH)
    compile_one(PROJECT, JOBS, TRAINING.with_suffix(".txt"), TORCH)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
