"""The package that a deployment uses: an existing one, or one made for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from cli.failures import UsageError
from cli.stage.context import OperatorStage, TerminalConsole
from infra.deployment.access import find_stage
from infra.deployment.stack import Stack
from infra.packaging.manifest import size_table
from infra.packaging.package import BuiltPackage, PackageRequest, build_package
from infra.packaging.targets import TARGETS
from infra.stages import Client

PROJECT = Path(__file__).resolve().parents[2]
_ARCHITECTURE = "arm64"
"""Processors of a new stage: AWS asks a fifth less for it than for x86_64.

https://aws.amazon.com/lambda/pricing/
"""

PackageBuilder = Callable[[PackageRequest, Path], BuiltPackage]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class PackageOptions:
    """An existing package in `folder`, or else the options to make one."""

    folder: Path | None
    architecture: str | None
    snap_start: tuple[str, ...]


def package_options(
    command: Callable[Concatenate[OperatorStage, PackageOptions, P], R],
) -> Callable[Concatenate[OperatorStage, P], R]:
    """Pass a command of an operator the package that its options select."""

    @functools.wraps(command)
    def prepared(
        where: OperatorStage,
        *args: Any,
        folder: Path | None,
        architecture: str | None,
        snap_start: tuple[str, ...],
        **kwargs: Any,
    ) -> R:
        if folder is not None and (architecture or snap_start):
            raise UsageError(
                "--package is of one architecture, and has its snapshots or none; give "
                "--architecture and --snap-start to headrace package, or leave --package out."
            )
        return command(where, PackageOptions(folder, architecture, snap_start), *args, **kwargs)

    wrapped: Callable[..., R] = prepared
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


_OPTIONS = (
    click.option(
        "--package",
        "folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder made by `headrace package`. Default: make a new package.",
    ),
    click.option(
        "--architecture",
        type=click.Choice(list(TARGETS)),
        help="Processor architecture. Default: the stage's, or arm64 for a new stage.",
    ),
    click.option(
        "--snap-start",
        multiple=True,
        metavar="FUNCTION",
        help="Start this function, by its logical id, from a snapshot in the new package; may be "
        "repeated.",
    ),
)


def resolve_package(
    where: OperatorStage,
    client: Client,
    wanted: PackageOptions,
    voice: TerminalConsole,
    make: PackageBuilder = build_package,
) -> Path:
    """Return the package's folder; if there is none, make one as `headrace package` does.

    Making one takes minutes, so the stage must be reachable first.
    """
    if wanted.folder is not None:
        return wanted.folder
    _, stack = find_stage(client, where.stage, where.profile)
    architecture = wanted.architecture or standing_architecture(stack)
    voice.heading(f"Package for {architecture}")
    folder = PROJECT / "build" / "package" / f"{where.stage}-{architecture}"
    with voice.counting("Package", 0) as advance:
        order = PackageRequest(
            PROJECT,
            where.stage,
            client("cloudformation").meta.region_name,
            architecture,
            models_dir=PROJECT / "models" / "cache",
            snap_start=wanted.snap_start,
            report=functools.partial(advance, 1),
        )
        package = make(order, folder)
    for line in (*size_table(package.sizes), *map(str, package.snapshots)):
        voice.line(line)
    return package.folder


def standing_architecture(stack: Stack | None) -> str:
    """Return the architecture that a stage runs on, or arm64 if there is no stage yet."""
    standing = stack.parameters.get("Architecture") if stack is not None else None
    return standing or _ARCHITECTURE
