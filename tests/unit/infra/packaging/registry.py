"""A folder of wheels in place of a registry."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from infra.packaging.archive import sha256_of

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n"


def add_wheel(
    registry: Path, tag: str, name: str = "thing", files: Mapping[str, str] | None = None
) -> str:
    """Put a wheel there, and return its hash as a requirement names it."""
    file = registry / f"{name}-1-{tag}.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        for place, content in (files or {f"{name}.py": f"TAG = {tag!r}\n"}).items():
            wheel.writestr(place, content)
        wheel.writestr(f"{name}-1.dist-info/METADATA", METADATA.format(name=name))
        wheel.writestr(f"{name}-1.dist-info/WHEEL", WHEEL.format(tag=tag))
        wheel.writestr(f"{name}-1.dist-info/RECORD", "")
    return f"--hash=sha256:{sha256_of(file)}"
