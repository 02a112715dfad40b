"""What a package can be made for: architectures by the names that AWS, wheels and ELF give them."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.packaging.failures import CannotPackage

PYTHON = "3.13"
"""The runtime of the template, which wheels and bytecode are made for."""

_STAGE = re.compile(r"[a-z][a-z0-9]{1,11}")


@dataclass(frozen=True, slots=True)
class Target:
    """One architecture. `machine` is `e_machine` of an ELF header, see elf(5)."""

    architecture: str
    wheels: str
    machine: int


TARGETS: Mapping[str, Target] = {
    "arm64": Target("arm64", "aarch64-manylinux_2_28", 183),
    "x86_64": Target("x86_64", "x86_64-manylinux_2_28", 62),
}
"""By AWS's name. Lambda's Python 3.13 runs on Amazon Linux 2023, whose glibc is 2.34.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""


def target(architecture: str) -> Target:
    """Return the target of that name, or raise `CannotPackage`."""
    found = TARGETS.get(architecture)
    if found is None:
        raise CannotPackage(
            f"The architecture {architecture!r} is unknown; Lambda has {' and '.join(TARGETS)}."
        )
    return found


def native_architecture() -> str:
    """Return AWS's name of this machine's architecture, or the machine's own if AWS has none."""
    return {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())


def demand_stage(stage: str) -> None:
    """Raise `CannotPackage` for what no stage can be called, as the template's parameter does."""
    if not _STAGE.fullmatch(stage):
        raise CannotPackage(
            f"{stage!r} is no stage; one is 2 to 12 lower-case letters and digits, the first a "
            "letter, such as dev or prod."
        )
