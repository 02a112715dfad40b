"""Installation of third-party packages for any target machine, from wheels only.

Nothing is built and nothing of them is run: a wheel is unpacked. Each is checked against the hashes
that `make lock` wrote, so that no registry can substitute another.
https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from infra.packaging.targets import PYTHON, BuildTarget, PackagingError

_NO_WHEEL = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==\S+\s+has\s+no\s+(?:usable\s+)?wheels")
_WITHOUT_HASH = "all requirements must have a hash"
_OTHER_HASH = "Hash mismatch"
_CONTINUED = re.compile(r"\\\n")
_HASH = " --hash="
_INSTALL_SECONDS = 900
_LOCK = ".lock"
"""A file that uv leaves behind."""


def pins(requirements: Path) -> list[str]:
    """Return the pins of the file with their hashes, equal for equivalent files.

    Comments are left out, and the order of pins and of hashes does not count.

    Raises:
        PackagingError: the file is missing.
    """
    try:
        text = requirements.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise PackagingError(f"{requirements} is missing; `make lock` writes it.") from error
    lines = (" ".join(line.split()) for line in _CONTINUED.sub(" ", text).splitlines())
    return sorted(map(_in_order, (line for line in lines if line[:1] not in ("", "#"))))


def _in_order(pin: str) -> str:
    """Return a pin with its hashes sorted."""
    wanted, *hashes = pin.split(_HASH)
    return _HASH.join([wanted, *sorted(hashes)])


def install(folders: Mapping[str, Path], requirements: Path, target: BuildTarget) -> None:
    """Install the package of each pin of `requirements` into its folder, for `target`.

    The folders lie beside one another. A pin whose marker does not hold for the target gets
    nothing. A file may be a hard link to uv's cache, so nothing may be written into one.

    Raises:
        PackagingError: a pin has no wheel for the target, or none of a pinned hash, or no registry
            answers.
    """
    if len(folders) > 1 and _installed_together(folders, requirements, target):
        return
    for pin, folder in folders.items():
        _run_uv([pin], requirements, target, folder)


def _installed_together(
    folders: Mapping[str, Path], requirements: Path, target: BuildTarget
) -> bool:
    """Install all pins by one process, in a third of the time, and split them afterwards.

    Returns False, and puts nothing into any folder, if a file belongs to several packages or none.
    """
    beside = next(iter(folders.values())).parent
    with tempfile.TemporaryDirectory(prefix=".wheels-", dir=beside) as temporary:
        together = Path(temporary)
        _run_uv(folders, requirements, target, together)
        recorded = _recorded(together)
        wanted = {_distribution(pin): folder for pin, folder in folders.items()}
        places = [place for each in recorded.values() for place in each]
        files = {
            path.relative_to(together).as_posix() for path in together.rglob("*") if path.is_file()
        }
        if not recorded.keys() <= wanted.keys() or sorted(places) != sorted(files - {_LOCK}):
            return False
        for distribution, found in recorded.items():
            for place in found:
                file = wanted[distribution] / place
                file.parent.mkdir(parents=True, exist_ok=True)
                (together / place).rename(file)
    return True


def _recorded(folder: Path) -> dict[tuple[str, str], set[str]]:
    """Return the files of a site directory, by project and version.

    https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """
    files = {}
    for record in folder.glob("*.dist-info/RECORD"):
        with record.open(encoding="utf-8", newline="") as lines:
            places = {row[0] for row in csv.reader(lines) if row}
        name, _, version = record.parent.stem.partition("-")
        files[_normal(name), version] = {place for place in places if (folder / place).is_file()}
    return files


def _distribution(pin: str) -> tuple[str, str]:
    """Return the project and the version of a pin."""
    name, _, rest = pin.partition("==")
    return _normal(name.strip()), rest.split()[0].rstrip(";")


def _normal(name: str) -> str:
    """Return the normalised name of a project."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _run_uv(pins: Iterable[str], requirements: Path, target: BuildTarget, folder: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    command += ["--target", str(folder), "--only-binary", ":all:", "--require-hashes"]
    command += ["--python-platform", target.wheels, "--python-version", PYTHON]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [*command, "--requirement", "-"],
        input="\n".join(pins),
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        raise PackagingError(_explained(requirements, target, done.stderr))


def _explained(requirements: Path, target: BuildTarget, said: str) -> str:
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
