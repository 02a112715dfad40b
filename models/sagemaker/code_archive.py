"""The archive of a job's code for SageMaker's toolkit: a gzipped tar with the program.

It has `models` as far as jobs need it, the contracts of what is exported, and a requirements.txt of
what AWS's images lack. The same files make the same bytes.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]
FOLDERS = tuple(
    f"models/{name}"
    for name in (
        "data",
        "datasets",
        "evaluation",
        "export",
        "jobs",
        "networks",
        "recipes",
        "training",
    )
)
LEFT_OUT = PROJECT / "models" / "datasets" / "business_documents"
"""Documents are drawn before a job, by packages that no job installs."""
FILES = (
    "models/__init__.py",
    "models/bases/__init__.py",
    "models/bases/architectures.py",
    "models/bases/folder.py",
    "models/bases/image_files.py",
    "models/bases/pipelines.py",
    "models/failures.py",
    "models/files.py",
    "models/pull/__init__.py",
    "models/pull/base_references.py",
    "models/serving/__init__.py",
    "models/serving/handlers/drawings.py",
    "models/serving/handlers/graphs.py",
    "models/serving/handlers/requirements.txt",
    "models/serving/packages.py",
    "models/train.py",
    "models/training_data/__init__.py",
    "models/training_data/channel.py",
    "models/training_data/captioned_pictures.py",
    "models/training_data/class_names.py",
    "models/training_data/image_questions.py",
    "models/training_data/labelled_texts.py",
    "models/training_data/products.py",
    "models/training_data/row_groups.py",
    "models/training_data/rows.py",
    "models/training_data/tagged_texts.py",
    "models/training_data/text_pairs.py",
    "chalicelib/__init__.py",
    "chalicelib/errors.py",
    "chalicelib/evaluation/__init__.py",
    "chalicelib/evaluation/graders/__init__.py",
    "chalicelib/evaluation/graders/base.py",
    "chalicelib/evaluation/graders/matches.py",
    "chalicelib/evaluation/graders/numbers.py",
    "chalicelib/evaluation/texts.py",
    "chalicelib/generation/__init__.py",
    "chalicelib/generation/patterns.py",
    "chalicelib/generation/schema_validator.py",
    "chalicelib/generation/schemas.py",
    "chalicelib/inference/__init__.py",
    "chalicelib/inference/chat_template.py",
    "chalicelib/inference/diffusion.py",
    "chalicelib/inference/exported_model.py",
    "chalicelib/inference/image_files.py",
    "chalicelib/inference/image_text.py",
    "chalicelib/inference/pixels.py",
    "chalicelib/inference/session.py",
    "chalicelib/inference/tag_spans.py",
    "chalicelib/inference/tokenizers.py",
    "chalicelib/inference/visual_questions.py",
    "chalicelib/inference/vocabulary.py",
)
CONTRACTS = "chalicelib/contracts"
KINDS = (".py", ".json", ".yaml")

REQUIREMENTS = "requirements/jobs.txt"
"""Packages that AWS's images lack, pinned with hashes.

pip then demands a hash of every package that it installs. It leaves torch, which the images bring.

https://pip.pypa.io/en/stable/topics/secure-installs/
"""

_PROGRAM = b"""import os

from models.train import main

raise SystemExit(main(os.environ))
"""


def build_archive() -> bytes:
    """Return the archive; equal files give equal bytes."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=packed, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as made,
    ):
        for name, content in sorted(_entries()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            made.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _entries() -> Iterator[tuple[str, bytes]]:
    yield "train.py", _PROGRAM
    yield "requirements.txt", _requirements().encode()
    for name in FILES:
        yield name, (PROJECT / name).read_bytes()
    for room in (*FOLDERS, CONTRACTS):
        for path in (PROJECT / room).rglob("*"):
            if path.suffix in KINDS and LEFT_OUT not in path.parents:
                yield path.relative_to(PROJECT).as_posix(), path.read_bytes()


def _requirements() -> str:
    """Return the pinned requirements without comments."""
    lines = (PROJECT / REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in lines if not line.lstrip().startswith("#"))
