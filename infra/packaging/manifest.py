"""What a package consists of: the one file that whoever deploys or runs it reads first."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.packaging.failures import CannotPackage

FORMAT = 1
FILE = "manifest.json"
TEMPLATE = "template.json"
ARTIFACTS_BUCKET = "ArtifactsBucket"
"""The template's parameter that names the bucket which the bundles are uploaded into."""


def is_package(folder: Path) -> bool:
    """Tell whether a folder is a package, of this format or another."""
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
    """A package: whose it is, its template, and its functions by logical id."""

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
            CannotPackage: there is none, or it is of another format.
        """
        file = folder / FILE
        try:
            written: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            found = written.pop("format")
            if found != FORMAT:
                raise CannotPackage(
                    f"{file} has format {found}, and {FORMAT} is read here; "
                    "make the package anew with `headrace package`."
                )
            functions = tuple(PackagedFunction(**each) for each in written.pop("functions"))
            return cls(**written, functions=functions)
        except FileNotFoundError as error:
            raise CannotPackage(
                f"{folder} holds no package: it has no {FILE}. Make one with `headrace package`."
            ) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CannotPackage(
                f"{file} cannot be read ({error}); make the package anew with `headrace package`."
            ) from error
