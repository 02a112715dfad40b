"""Own data of a training: options of `headrace train`, and the channel that they make."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from cli.data.locations import is_elsewhere, local_copy, tenant_of
from cli.data.options import (
    accept_option,
    column_option,
    eval_option,
    parse_columns,
    require_acceptable,
    terms_option,
)
from cli.data.report import show_report
from cli.failures import CommandError, ItemsFailedError, UsageError
from cli.options import StageOptions
from cli.output import Output

if TYPE_CHECKING:
    from models.training.recipe import Recipe

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class OwnDataOptions:
    """What the options of own data say; all is empty where the recipe's data set is trained on."""

    data: str | None
    evaluation: str | None
    licence: str
    columns: tuple[str, ...]
    accepted_problems: tuple[str, ...]
    accepted_terms: tuple[str, ...] = ()

    @property
    def only_of_rows(self) -> list[str]:
        """Return the options that were given and need rows of one's own."""
        given = {
            "--eval": self.evaluation,
            "--licence": self.licence,
            "--column": self.columns,
            "--accept": self.accepted_problems,
            "--accept-terms": self.accepted_terms,
        }
        return [name for name, value in given.items() if value]


def own_data_options(command: Callable[Concatenate[OwnDataOptions, P], R]) -> Callable[P, R]:
    """Add the options of own data, and pass them as `own`."""

    @click.option(
        "--data",
        metavar="PATH",
        help="Your own rows: a file, a folder, s3://BUCKET/KEY, collection:NAME, "
        "generations:MODEL of what a model was captured to answer, or feedback:TENANT of questions "
        "and passages that its people rated. For a recipe without a kind of "
        "rows, a folder whose files take the place of its data set's.",
    )
    @eval_option
    @click.option(
        "--licence",
        default="",
        metavar="TEXT",
        help="The licence of your data, such as CC-BY-4.0 or 'own data, internal use'.",
    )
    @column_option
    @accept_option
    @terms_option
    @functools.wraps(command)
    def with_data(*args: P.args, **given: P.kwargs) -> R:
        rest: dict[str, Any] = dict(given)
        taken = {name: rest.pop(name) for name in OwnDataOptions.__dataclass_fields__}
        return command(*args, own=OwnDataOptions(**taken), **rest)  # type: ignore[arg-type]

    return with_data


@contextmanager
def own_channel(
    found: Recipe, own: OwnDataOptions, place: StageOptions, output: Output
) -> Iterator[Path | None]:
    """Yield the prepared channel of own rows, or the folder of own files, or None.

    Raises:
        UsageError: the options do not fit the recipe.
        ItemsFailedError: the data has an error; the report was shown.
    """
    if own.data is None:
        if own.only_of_rows:
            raise UsageError(f"{own.only_of_rows[0]} says something of --data, which is missing.")
        yield None
        return
    if found.data_kind is None:
        yield _folder_of_files(found, own)
        return
    tenant = _tenant_of(own, place, output)
    with ExitStack() as copies:
        source = copies.enter_context(local_copy(own.data, place, output))
        held_out = (
            copies.enter_context(local_copy(own.evaluation, place, output))
            if own.evaluation
            else None
        )
        into = Path(copies.enter_context(tempfile.TemporaryDirectory(prefix="headrace-channel-")))
        _prepare(found, own, (source, held_out), tenant, into / "channel", output)
        yield into / "channel"


def _tenant_of(own: OwnDataOptions, place: StageOptions, output: Output) -> str:
    """Return whose data the rows are, "" if no tenant's. Raises UsageError for those of two."""
    given = [each for each in (own.data, own.evaluation) if each is not None]
    found = sorted({tenant_of(each, place, output) for each in given} - {""})
    if len(found) > 1:
        raise UsageError(
            f"--data and --eval are of the tenants {' and '.join(found)}; rows of one tenant are "
            "not judged by those of another."
        )
    return found[0] if found else ""


def _folder_of_files(found: Recipe, own: OwnDataOptions) -> Path:
    folder = Path(own.data or "")
    if own.only_of_rows:
        raise UsageError(f"{own.only_of_rows[0]}: {found.name} takes files and no rows.")
    if not folder.is_dir():
        raise UsageError(f"--data: {found.name} takes a folder of files, and {own.data} is none.")
    return folder


def _prepare(
    found: Recipe,
    own: OwnDataOptions,
    copies: tuple[Path, Path | None],
    tenant: str,
    into: Path,
    output: Output,
) -> None:
    from infra.models.training_environment import INTERPRETER
    from models.failures import BadData
    from models.training_data.parquet import parquet_reader
    from models.training_data.preparation import DataRequest, prepare
    from models.training_data.teachers import agreed, read_records

    name, (source, held_out) = own.data or "", copies
    try:
        teachers = agreed(read_records(source), own.accepted_terms)
    except BadData as error:
        raise UsageError(str(error)) from error
    request = DataRequest(
        source,
        found.data_kind,
        held_out,
        parse_columns(own.columns),
        own.licence,
        name if is_elsewhere(name) else "",
        require_acceptable(own.accepted_problems),
        parquet=parquet_reader(INTERPRETER),
        teachers=teachers,
        tenant=tenant,
        other_kinds=found.other_data_kinds,
    )
    try:
        done = prepare(request, into, f"headrace {_version()}")
    except (BadData, OSError) as error:
        raise CommandError(str(error)) from error
    show_report(Output(out=output.err, err=output.err), done.report)
    if done.manifest is None:
        raise ItemsFailedError
    output.notice(f"Data version {done.manifest.version[:12]}, {done.manifest.licence}.")


def _version() -> str:
    try:
        return metadata.version("headrace")
    except metadata.PackageNotFoundError:
        return "of a folder"
