"""Third-party packages for a machine that this one need not be, from wheels alone.

Nothing is built and nothing of them is run: a wheel is unpacked. Each is held to the hashes that
`make lock` wrote, so that no registry can give another one in its place.
https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from infra.packaging.failures import CannotPackage
from infra.packaging.targets import PYTHON, Target

_NO_WHEEL = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==\S+\s+has\s+no\s+(?:usable\s+)?wheels")
_WITHOUT_HASH = "all requirements must have a hash"
_OTHER_HASH = "Hash mismatch"
_CONTINUED = re.compile(r"\\\n")
_HASH = " --hash="
_INSTALL_SECONDS = 900


def pins(requirements: Path) -> list[str]:
    """Return the pins of the file, each with its hashes: equal for files that want the same.

    Comments are left out, and the order of pins and of hashes does not count.

    Raises:
        CannotPackage: the file is missing.
    """
    try:
        text = requirements.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CannotPackage(f"{requirements} is missing; `make lock` writes it.") from error
    lines = (" ".join(line.split()) for line in _CONTINUED.sub(" ", text).splitlines())
    return sorted(map(_in_order, (line for line in lines if line[:1] not in ("", "#"))))


def _in_order(pin: str) -> str:
    """Return a pin with its hashes sorted."""
    wanted, *hashes = pin.split(_HASH)
    return _HASH.join([wanted, *sorted(hashes)])


def install(pin: str, requirements: Path, target: Target, folder: Path) -> None:
    """Put the package of a pin of `requirements` into `folder`, as it is for `target`.

    Raises:
        CannotPackage: it has no wheel for it, or none of a hash that is pinned, or no registry
            answers.
    """
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    command += ["--target", str(folder), "--link-mode", "copy", "--only-binary", ":all:"]
    command += ["--require-hashes"]
    command += ["--python-platform", target.wheels, "--python-version", PYTHON]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [*command, "--requirement", "-"],
        input=pin,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        raise CannotPackage(_explained(requirements, target, done.stderr))


def _explained(requirements: Path, target: Target, said: str) -> str:
    if "No module named uv" in said:
        return "uv, which fetches wheels for other machines, is not installed: run `make setup`."
    words = " ".join(said.split())
    missing = sorted(set(_NO_WHEEL.findall(words)))
    if missing:
        return (
            f"{', '.join(missing)} has no wheel for Python {PYTHON} on {target.architecture} "
            f"(glibc 2.28), and nothing is built here. Pin a version that has one in "
            f"{requirements.with_suffix('.in')} and run `make lock`. uv says: {words}"
        )
    if _WITHOUT_HASH in words:
        return (
            f"{requirements} pins packages without their hashes: run `make lock`. uv says: {words}"
        )
    if _OTHER_HASH in words:
        return (
            f"The registry gives other files than {requirements} pins, and none was taken. If that "
            f"was to be expected, run `make lock` and look at what changes. uv says: {words}"
        )
    return f"The packages of {requirements} cannot be fetched for {target.architecture}: {words}"
