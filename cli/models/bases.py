"""The command `models bases`: list the base models that a training can begin from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.failures import CommandError
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output

if TYPE_CHECKING:
    from models.bases.folder import BaseRecord

_MILLION = 1_000_000
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ListedBase:
    """A row of the list. `parameters` is 0 where only the hashes of its files are known."""

    base: str
    kind: str
    architecture: str
    parameters: int
    bytes: int
    licence: str
    state: str
    notes: str = ""


@click.command("bases")
@click.option("--uploaded", is_flag=True, help="List those in the stage's bucket instead.")
@stage_options
@json_option
def list_bases(place: StageOptions, /, uploaded: bool, as_json: bool) -> None:
    """List the base models that `headrace train --base` takes by name, and those kept here.

    The shipped ones are made when they are first used. Others are named as hf:OWNER/NAME@REVISION,
    s3://BUCKET/PREFIX/, ./FOLDER or GROUP/VERSION.
    """
    output = Output(as_json=as_json)
    found = list(_uploaded(place)) if uploaded else [*_shipped(), *_kept()]
    if as_json:
        output.json([asdict(each) for each in found])
        return
    output.table(
        ("base", "kind", "architecture", "million parameters", "MB", "licence", "state"),
        [
            (
                each.base,
                each.kind,
                each.architecture,
                f"{each.parameters / _MILLION:.0f}" if each.parameters else "",
                f"{each.bytes / _MILLION:.0f}",
                each.licence,
                each.state,
            )
            for each in found
        ],
    )
    for each in found:
        if each.notes:
            output.line(f"{each.base}: {each.notes}.", "dim")


def _shipped() -> Iterator[ListedBase]:
    from models.bases.folder import RECORD
    from models.pull.shipped_bases import BASES, SHIPPED

    for base in SHIPPED.values():
        state = "kept here" if (BASES / base.name / RECORD).is_file() else "made when used"
        yield ListedBase(
            base.name,
            base.kind,
            base.architecture,
            base.parameters,
            base.bytes,
            base.licence,
            state,
            base.notes,
        )


def _kept() -> Iterator[ListedBase]:
    """Yield the bases of hubs and folders that were fetched."""
    from models.pull.shipped_bases import BASES, SHIPPED

    for path in sorted(BASES.glob("*/base.json")):
        if path.parent.name not in SHIPPED:
            yield _listed(path.parent)


def _listed(folder: Path) -> ListedBase:
    import json

    from models.bases.architectures import architecture_of
    from models.bases.folder import RECORD, BaseRecord, config_name
    from models.bases.weights import count_parameters
    from models.failures import BadData

    try:
        record = BaseRecord.model_validate_json((folder / RECORD).read_text(encoding="utf-8"))
        config = json.loads((folder / config_name(record.files)).read_text(encoding="utf-8"))
        of = architecture_of(config, record.name)
        count = count_parameters(folder)
    except (OSError, ValueError, BadData) as error:
        return ListedBase(folder.name, _UNKNOWN, _UNKNOWN, 0, 0, _UNKNOWN, f"broken: {error}")
    name, size = _reference(record), _bytes(record)
    return ListedBase(
        name, of.kind, of.model_type, count, size, record.licence, "kept here", record.notes
    )


def _uploaded(place: StageOptions) -> Iterator[ListedBase]:
    from infra.models.bases import StageBases
    from infra.models.training import TrainingError, TrainingStage, translate_training_errors
    from infra.models.training_environment import INTERPRETER
    from models.failures import TrainingFailure

    try:
        with translate_training_errors():
            stage = place.find()
            home = TrainingStage.of(stage.outputs)
            bases = StageBases(stage.client, home.bucket, home.region, home.account, INTERPRETER)
            for record in bases.uploaded():
                yield ListedBase(
                    _reference(record), "", "", 0, _bytes(record), record.licence, "uploaded"
                )
    except (TrainingFailure, TrainingError) as error:
        raise CommandError(str(error)) from error


def _reference(record: BaseRecord) -> str:
    """Return how a base can be named again."""
    if record.source.startswith("hf:"):
        return f"{record.source}@{record.revision}"
    return record.source if record.source.startswith(("/", "s3:")) else record.name


def _bytes(record: BaseRecord) -> int:
    return sum(each.bytes for each in record.files.values())
