"""Manifest of a package, which is read first when it is deployed or run."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.packaging.targets import PackagingError

FORMAT = 1
FILE = "manifest.json"
TEMPLATE = "template.json"
ARTIFACTS_BUCKET = "ArtifactsBucket"
"""The template's parameter that names the bucket which the bundles are uploaded into."""


def is_package(folder: Path) -> bool:
    """Return whether a folder is a package, of this format or another."""
    try:
        written = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(written, dict) and {"format", "template_sha256"} <= written.keys()


@dataclass(frozen=True, slots=True)
class PackagedFunction:
    """One function of the template and its bundle, which several functions may share.

    `file` is relative to the package's folder, `key` is what the bundle is called in the
    artifacts bucket; sizes are in bytes, `sha256` is of the ZIP file, in hexadecimal.
    """

    logical_id: str
    name: str
    file: str
    key: str
    sha256: str
    zipped_bytes: int
    unzipped_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A package's stage, template, and functions by logical id."""

    stage: str
    region: str
    architecture: str
    template: str
    template_sha256: str
    functions: tuple[PackagedFunction, ...]

    def write(self, folder: Path) -> Path:
        """Write `manifest.json` into the package's folder and return its path."""
        file = folder / FILE
        written = {"format": FORMAT, **dataclasses.asdict(self)}
        file.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        return file

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Return the manifest of the package in `folder`.

        Raises:
            PackagingError: there is none, or it is of another format.
        """
        file = folder / FILE
        try:
            written: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            version = written.pop("format")
            if version != FORMAT:
                raise PackagingError(
                    f"{file} has format {version}, and {FORMAT} is read here; "
                    "make the package anew with `headrace package`."
                )
            functions = tuple(PackagedFunction(**each) for each in written.pop("functions"))
            return cls(**written, functions=functions)
        except FileNotFoundError as error:
            raise PackagingError(
                f"{folder} holds no package: it has no {FILE}. Make one with `headrace package`."
            ) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise PackagingError(
                f"{file} cannot be read ({error}); make the package anew with `headrace package`."
            ) from error


MAX_UNZIPPED_BYTES = 262_144_000
"""Bytes of a function, unzipped: 250 MB as AWS counts them.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""


_LISTED_PARTS = 5


@dataclass(frozen=True, slots=True)
class BundleSize:
    """A bundle's sizes in bytes."""

    name: str
    zipped: int
    unzipped: int

    @property
    def share(self) -> float:
        """Return the used share of Lambda's limit, 1.0 being all."""
        return self.unzipped / MAX_UNZIPPED_BYTES


def unzipped_size(name: str, entries: Mapping[str, Path]) -> int:
    """Return the unzipped size of a bundle, in bytes.

    Raises:
        PackagingError: it exceeds Lambda's limit; the message names the largest parts.
    """
    parts: Counter[str] = Counter()
    for place, source in entries.items():
        parts[_part_of(place)] += source.stat().st_size
    total = sum(parts.values())
    if total > MAX_UNZIPPED_BYTES:
        largest = ", ".join(
            f"{part} {_mb(size)}" for part, size in parts.most_common(_LISTED_PARTS)
        )
        raise PackagingError(
            f"The bundle of {name} has {total:,} bytes unzipped, and Lambda takes "
            f"{MAX_UNZIPPED_BYTES:,}. "
            f"The largest parts: {largest}. Leave some out (infra/packaging/exclusions.py), or "
            "split the function."
        )
    return total


def _part_of(place: str) -> str:
    top, _, rest = place.partition("/")
    if top != "models":
        return top
    return "/".join(["models", *rest.split("/")[:2]])


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def size_table(sizes: Iterable[BundleSize]) -> list[str]:
    """Return the sizes as lines of text, largest first."""
    lines = [f"{'function':<18} {'zipped':>10} {'unzipped':>10} {'of 250 MB':>10}"]
    lines += [
        f"{each.name:<18} {_mb(each.zipped):>10} {_mb(each.unzipped):>10} {each.share:>10.0%}"
        for each in sorted(sizes, key=lambda size: (-size.unzipped, size.name))
    ]
    return lines
