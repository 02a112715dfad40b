"""A folder of wheels in place of a registry."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from infra.packaging.archive import sha256_of

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n"


def add_wheel(
    registry: Path,
    tag: str,
    name: str = "thing",
    files: Mapping[str, str] | None = None,
    *,
    records: bool = True,
) -> str:
    """Put a wheel there, and return its hash as a requirement names it.

    Unless it `records` its files, nobody can tell later which of those in a folder are its own.
    """
    file = registry / f"{name}-1-{tag}.whl"
    contents = {
        **(files or {f"{name}.py": f"TAG = {tag!r}\n"}),
        f"{name}-1.dist-info/METADATA": METADATA.format(name=name),
        f"{name}-1.dist-info/WHEEL": WHEEL.format(tag=tag),
    }
    record = f"{name}-1.dist-info/RECORD"
    with zipfile.ZipFile(file, "w") as wheel:
        for place, content in contents.items():
            wheel.writestr(place, content)
        lines = [f"{place},,\n" for place in (*contents, record)] if records else []
        wheel.writestr(record, "".join(lines))
    return f"--hash=sha256:{sha256_of(file)}"
