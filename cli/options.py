"""Common options of all user commands: endpoint, key and output."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click
import httpx

from cli.client import Api
from cli.failures import UsageError
from cli.output import Output

if TYPE_CHECKING:
    from infra.stages import StageConnection as Found

DEFAULT_DATA_DIR = ".headrace"
_KEY = re.compile(r"[\x21-\x7e]+")

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class UserContext:
    """An API to call and the output to print to."""

    api: Api
    output: Output


@dataclass(frozen=True, slots=True)
class StageOptions:
    """The options that select a stage: one on AWS, or else the local cloud of a folder."""

    stage: str | None
    region: str | None
    profile: str | None
    data_dir: Path

    @property
    def cloud_file(self) -> Path | None:
        """Return the file that locates the local cloud, or None for a stage on AWS."""
        return None if self.stage else self.data_dir / "cloud.json"

    def find(self) -> Found:
        """Return the stage. Raises ValueError, and what boto3 raises."""
        from infra import stages

        return stages.connect(self.stage, self.cloud_file, self.region, self.profile)


def data_dir_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--data-dir`, the folder that the local cloud keeps its data in."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=DEFAULT_DATA_DIR,
        envvar="HEADRACE_DATA_DIR",
        show_default=True,
        show_envvar=True,
        help="Folder of the local cloud's data.",
    )(command)


def _stage_choice(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--stage`, `--region` and `--profile`."""
    for option in (
        click.option("--profile", help="Profile of the credentials."),
        click.option("--region", help="AWS region. Default: the environment's or profile's."),
        click.option("--stage", help="Stage on AWS. Default: the running local cloud."),
    ):
        command = option(command)
    return command


def stage_options(command: Callable[Concatenate[StageOptions, P], R]) -> Callable[P, R]:
    """Add the options that select a stage, and pass the selected stage to the command."""

    @_stage_choice
    @data_dir_option
    @functools.wraps(command)
    def with_place(*args: P.args, **given: P.kwargs) -> R:
        fields: dict[str, Any] = {
            name: given.pop(name) for name in StageOptions.__dataclass_fields__
        }
        return command(StageOptions(**fields), *args, **given)

    return with_place


def filter_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--filter`, a filter of documents as the API takes it."""
    return click.option(
        "--filter",
        "filter_",
        metavar="JSON",
        callback=_json_object,
        help='Only documents that match the filter, such as \'{"metadata": {"year": 2024}}\'.',
    )(command)


def end_user_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--end-user`."""
    return click.option(
        "--end-user",
        help="Whom the answer is for; the same one stays in one arm of a rollout.",
    )(command)


def _json_object(
    context: click.Context, parameter: click.Parameter, given: str | None
) -> dict[str, Any] | None:
    if given is None:
        return None
    try:
        content = json.loads(given)
    except ValueError as error:
        raise UsageError(f"--filter is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise UsageError('--filter is a JSON object, such as \'{"path": "reports/"}\'.')
    return content


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(
        command
    )


def user_command(command: Callable[Concatenate[UserContext, P], R]) -> Callable[..., R]:
    """Give a command its `UserContext` as first argument, made from the common options."""

    @functools.wraps(command)
    def prepared(
        *args: Any,
        endpoint: str | None,
        key: str | None,
        data_dir: Path,
        as_json: bool,
        timeout: float,
        **kwargs: Any,
    ) -> R:
        target = open_context(endpoint, key, data_dir, timeout, Output(as_json=as_json))
        click.get_current_context().call_on_close(target.api.close)
        return command(target, *args, **kwargs)

    return json_option(_connection_options(prepared))


def api_command(command: Callable[Concatenate[Api, P], R]) -> Callable[..., R]:
    """Give a command that prints nothing of its own the client of its API as first argument."""

    @functools.wraps(command)
    def prepared(
        *args: Any,
        endpoint: str | None,
        key: str | None,
        data_dir: Path,
        timeout: float,
        **kwargs: Any,
    ) -> R:
        api = open_context(endpoint, key, data_dir, timeout, Output(as_json=False)).api
        click.get_current_context().call_on_close(api.close)
        return command(api, *args, **kwargs)

    return _connection_options(prepared)


def _connection_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options that say which API is called, by which key."""
    for option in reversed(_COMMON):
        command = option(command)
    return data_dir_option(command)


def stage_user_command(command: Callable[Concatenate[UserContext, StageOptions, P], R]) -> Any:
    """Give a command the API to call, and the stage whose registry and files belong to it."""

    @_stage_choice
    @functools.wraps(command)
    def with_both(
        target: UserContext,
        /,
        *args: Any,
        stage: str | None,
        region: str | None,
        profile: str | None,
        **given: Any,
    ) -> R:
        data_dir = Path(click.get_current_context().params["data_dir"])
        return command(target, StageOptions(stage, region, profile, data_dir), *args, **given)

    return user_command(with_both)


def open_context(
    endpoint: str | None, key: str | None, data_dir: Path, timeout: float, output: Output
) -> UserContext:
    """Return the context for the options, or for the local cloud that `data_dir` describes."""
    if not (endpoint and key):
        local = read_cloud_file(data_dir)
        if not endpoint:
            endpoint = local.get("endpoint_url")
            key = key or local.get("api_key")
        elif endpoint == local.get("endpoint_url"):
            key = local.get("api_key")
    if not endpoint:
        raise UsageError(
            f"No endpoint: give --endpoint, or start the local cloud with `headrace up` "
            f"(there is no running one in {data_dir})."
        )
    if not key:
        raise UsageError(f"No key for {endpoint}: give --key or set HEADRACE_API_KEY.")
    if not _is_address(endpoint):
        raise UsageError(f"{endpoint!r} is no address; one begins with http:// or https://.")
    if not _KEY.fullmatch(key):
        raise UsageError("The key holds spaces or other characters that no key has.")
    return UserContext(Api(endpoint, key, timeout=timeout), output)


def _is_address(endpoint: str) -> bool:
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


def read_cloud_file(data_dir: Path) -> dict[str, Any]:
    """Return the local cloud's description in `data_dir`, or an empty one if there is none."""
    try:
        content = json.loads((data_dir / "cloud.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{data_dir / 'cloud.json'} cannot be read: {error}") from error
    return content if isinstance(content, dict) else {}


_COMMON = (
    click.option(
        "--endpoint",
        envvar="HEADRACE_ENDPOINT",
        show_envvar=True,
        help="Address of the API. Default: the local cloud's.",
    ),
    click.option(
        "--key",
        envvar="HEADRACE_API_KEY",
        show_envvar=True,
        help="API key. Default: the local cloud's.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0.1),
        default=30.0,
        show_default=True,
        help="Seconds to wait for one answer.",
    ),
)
