"""Fetch a base model: `.venv-training/bin/python -m models.pull.bases REFERENCE`.

It prints a line of JSON: the folder, and what its record says. Those in S3 and in a registry are
fetched by the command line, which has AWS's clients: see infra/models/bases.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from models.bases.folder import RECORD, BaseRecord, read_base, sha256_of_record
from models.failures import BadData, TrainingFailure
from models.pull.base_folders import adopt_folder
from models.pull.base_references import BaseReference, NoBase, parse_reference
from models.pull.cache import PullProgress, Report, WrongHash
from models.pull.licences import require_accepted
from models.pull.shipped_bases import BASES, find_shipped, shipped_base
from models.training.job import TRAINING


def fetch_base(
    wanted: BaseReference,
    into: Path = BASES,
    progress: Report = lambda _: None,
    accepted: frozenset[str] = frozenset(),
    data: Path | None = None,
) -> Path:
    """Return the folder of a base model, after fetching or making it.

    `data` is the prepared channel of the training, with whose rows a new base begins.

    Raises:
        NoBase: there is none, or it cannot be had; the message says what would help.
        WrongHash: a file is not what its source says.
        DiskFull: there is no room.
    """
    if wanted.kind == "shipped":
        base = find_shipped(wanted.name)
        require_accepted(base.name, base.licence, accepted)
        return shipped_base(wanted.name, into, progress)
    if wanted.kind == "folder":
        folder = Path(wanted.name)
        if (folder.expanduser() / TRAINING).is_file():
            return _of_denoiser(folder.expanduser(), into, accepted)
        return adopt_folder(folder, into, accepted)
    if wanted.kind == "hub":
        from models.pull.hub_bases import hub_base  # imports huggingface_hub

        return hub_base(wanted, into, progress, accepted=accepted)
    if wanted.kind == "new":
        from models.pull.new_bases import new_base  # imports what reads channels

        if data is None:
            raise NoBase(f"{wanted} begins with the rows of a training: name its channel (--data).")
        return new_base(wanted.name, data, into)
    raise NoBase(f"{wanted} is fetched by `headrace train --base`, which reaches AWS.")


def _of_denoiser(folder: Path, into: Path, accepted: frozenset[str]) -> Path:
    """Return a base made of a model that the recipe `diffusion` trained. Raises NoBase."""
    from models.pull.denoiser_bases import denoiser_base  # imports torch

    try:
        made = denoiser_base(folder, into)
    except BadData as error:
        raise NoBase(str(error)) from error
    record = read_base(made).record
    require_accepted(record.name, record.licence, accepted)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the base model that is named; print its folder, or what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m models.pull.bases", description=__doc__)
    parser.add_argument("reference")
    parser.add_argument("--accept-licence", action="append", default=[], metavar="LICENCE")
    parser.add_argument("--data", type=Path, help="the channel whose rows a new base begins with")
    chosen = parser.parse_args(arguments)
    accepted = frozenset(chosen.accept_licence)
    try:
        wanted = parse_reference(chosen.reference)
        folder = fetch_base(wanted, BASES, _report, accepted, chosen.data)
    except (TrainingFailure, WrongHash) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    record = BaseRecord.model_validate_json((folder / RECORD).read_text(encoding="utf-8"))
    told = {"folder": str(folder), "sha256": sha256_of_record(record)}
    sys.stdout.write(f"{json.dumps({**told, 'name': record.name, 'licence': record.licence})}\n")
    return 0


def _report(step: PullProgress) -> None:
    if step.step != "present":
        sys.stderr.write(f"{step.model}: {step.step} {step.file}\n")


if __name__ == "__main__":
    raise SystemExit(main())
