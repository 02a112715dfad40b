"""An arm64 Linux with Python 3.13, emulated by qemu-user where the machine is another.

`/sys` is hidden, as on Lambda: libraries that read the processors' features there (cpuinfo, of
onnxruntime) must do without. The files of the system are those of Debian's packages, which apt
downloads and this unpacks; `HEADRACE_ARM64_ROOT` names others, such as an unpacked image
`public.ecr.aws/lambda/python:3.13-arm64`.

https://www.qemu.org/docs/master/user/main.html

`python -m infra.packaging.emulator` makes it ready, or says what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.packaging.targets import PYTHON, PackagingError, native_architecture

FOLDER = Path(__file__).resolve().parents[2] / "build" / "arm64"
ROOT_VARIABLE = "HEADRACE_ARM64_ROOT"
_PYTHONS = (f"usr/bin/python{PYTHON}", f"var/lang/bin/python{PYTHON}")
"""The paths of the interpreter in Debian and in Lambda's image."""
_PACKAGES = (
    "libbz2-1.0",
    "libc6",
    "libexpat1",
    "libffi8",
    "libgcc-s1",
    "liblzma5",
    f"libpython{PYTHON}-minimal",
    f"libpython{PYTHON}-stdlib",
    "libsqlite3-0",
    "libssl3t64",
    "libstdc++6",
    "libuuid1",
    "libzstd1",
    f"python{PYTHON}-minimal",
    "tzdata",
    "zlib1g",
)
_HIDDEN = 'mount -t tmpfs none /sys && exec "$@"'
_MINUTES = 10


@dataclass(frozen=True, slots=True)
class Emulator:
    """A Python 3.13 for arm64; `qemu` is None on a machine that is arm64 itself."""

    root: Path
    python: Path
    qemu: str | None

    def command(self, *arguments: str | Path) -> list[str]:
        """Return the command that runs the Python with `arguments`, and without `/sys`."""
        emulated = [self.qemu, "-L", str(self.root)] if self.qemu else []
        unseen = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _HIDDEN, "sh"]
        return [*unseen, *emulated, str(self.python), *map(str, arguments)]

    def run(
        self, arguments: Sequence[str | Path], environment: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run the Python; raise `TimeoutExpired` after `seconds`."""
        return subprocess.run(  # noqa: S603 - our own interpreter and files
            self.command(*arguments),
            env={"PATH": os.environ.get("PATH", ""), "HOME": "/tmp", **environment},  # noqa: S108
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )


def find_emulator(folder: Path = FOLDER) -> Emulator:
    """Return the emulator, whose system lies in `folder` unless a variable names another.

    Raises:
        PackagingError: something is missing; the message says how to get it.
    """
    native = native_architecture() == "arm64"
    qemu = None if native else shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if not native and qemu is None:
        raise PackagingError(
            "There is no qemu-aarch64 to run arm64 bundles with; on Debian and Ubuntu: "
            "apt-get install qemu-user"
        )
    if shutil.which("unshare") is None:
        raise PackagingError("There is no unshare (util-linux), which hides /sys; Linux has it.")
    given = os.environ.get(ROOT_VARIABLE)
    root = Path(given) if given else _debian(folder)
    python = next((root / each for each in _PYTHONS if (root / each).exists()), None)
    if python is None:
        raise PackagingError(f"{root} has none of {', '.join(_PYTHONS)}; see {ROOT_VARIABLE}.")
    emulator = Emulator(root, python, qemu)
    tried = emulator.run(["-I", "-S", "-c", "import platform; print(platform.machine())"], {}, 120)
    if tried.stdout.strip() != "aarch64":
        raise PackagingError(f"{python} does not run: {tried.stderr.strip() or tried.stdout}")
    return emulator


def _debian(folder: Path) -> Path:
    """Return a folder with Debian's arm64 packages, downloaded and unpacked at the first call."""
    root = folder / "root"
    if (folder / "complete").exists():
        return root
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise PackagingError(
                f"There is no {tool}, by which the arm64 system is downloaded; name an unpacked "
                f"one by {ROOT_VARIABLE}, such as Lambda's image "
                "public.ecr.aws/lambda/python:3.13-arm64."
            )
    shutil.rmtree(folder, ignore_errors=True)
    for each in ("lists/partial", "cache/archives/partial", "debs", "root"):
        (folder / each).mkdir(parents=True)
    (folder / "status").touch()
    options = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "root",
        "Dir::Cache": folder / "cache",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
    }
    apt = [
        "apt-get",
        "-q",
        *(word for name, value in options.items() for word in ("-o", f"{name}={value}")),
    ]
    _call([*apt, "update"], folder)
    _call([*apt, "download", *_PACKAGES], folder / "debs")
    for package in sorted((folder / "debs").glob("*.deb")):
        _call(["dpkg-deb", "-x", str(package), str(root)], folder)
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")
    (folder / "complete").touch()
    return root


def _call(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - fixed commands
        command, cwd=folder, capture_output=True, text=True, timeout=60 * _MINUTES, check=False
    )
    if done.returncode:
        raise PackagingError(
            f"{command[0]} failed, so that there is no arm64 system to emulate; name one by "
            f"{ROOT_VARIABLE}. {done.stderr.strip()[-500:]}"
        )


def main() -> int:
    """Find the emulator; return 1 if something is missing, and say what."""
    try:
        emulator = find_emulator()
    except PackagingError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stdout.write(f"arm64 runs by {emulator.qemu or 'this machine'} and {emulator.python}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
