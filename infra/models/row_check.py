"""Rows of a user's own, read as the training will read them, before anything is uploaded for it.

The training environment reads them by the tokenizer and the config of the base. Its weights, which
may be gigabytes, are not needed.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from infra.models.bases import PlacedBase
from infra.models.training_environment import run_module
from infra.stages import Client
from models.bases.folder import RECORD, settings_files
from models.files import disk_full_as_failure
from models.sagemaker.job_requests import JobSpec

_CHECKING_S = 1800


def check_rows(wish: JobSpec, base: Path | None, interpreter: Path) -> list[str]:
    """Return what to tell the user of the rows of a training, such as how many texts are cut.

    `base` is the folder of the base model that is tuned, with or without its weights.

    Raises:
        BadData: a row, the tokenizer or the template does not fit; or the rows can't be read.
    """
    if wish.channel is None:
        return []
    asked = [wish.recipe.name, "--preset", wish.preset, "--data", str(wish.channel)]
    asked += ["--settings", json.dumps(dict(wish.overrides))]
    if base is not None:
        asked += ["--base", str(base)]
    said = run_module(interpreter, "models.row_check", asked, timeout_s=_CHECKING_S)
    notices: list[str] = json.loads(said.splitlines()[-1])
    return notices


def check_against_placed(
    client: Client, wish: JobSpec, base: PlacedBase | None, interpreter: Path
) -> list[str]:
    """Return what `check_rows` says, by a base in S3, of which all but the weights is fetched.

    Raises:
        BadData: as `check_rows`.
        ClientError: AWS refuses.
    """
    if wish.channel is None or base is None:
        return check_rows(wish, None, interpreter)
    bucket, _, prefix = base.uri.removeprefix("s3://").partition("/")
    with tempfile.TemporaryDirectory(prefix="headrace-base-") as scratch:
        folder, s3 = Path(scratch), client("s3")
        for name in [RECORD, *settings_files(base.record)]:
            (folder / name).parent.mkdir(exist_ok=True)
            with disk_full_as_failure(folder / name):
                s3.download_file(bucket, f"{prefix}{name}", str(folder / name))
        return check_rows(wish, folder, interpreter)
