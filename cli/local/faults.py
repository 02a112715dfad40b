"""The command `faults`: errors, latency and quotas of the running local cloud."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import httpx

from cli.failures import CommandError, UnreachableError, UsageError
from cli.options import data_dir_option, json_option, read_cloud_file
from cli.output import Output

PATH = "/_headrace/faults"
_TIMEOUT_S = 10.0


class FaultsUnavailableError(CommandError):
    """Raised when the endpoint has no faults to set, or rejects these."""


def _endpoint_option(command: Any) -> Any:
    return click.option(
        "--endpoint",
        envvar="HEADRACE_ENDPOINT",
        show_envvar=True,
        help="Address of the local cloud. Default: the one running on the data folder.",
    )(command)


@click.group()
def faults() -> None:
    """Make calls to the local cloud's services fail, wait or run into quotas."""


@faults.command("set")
@click.argument("name", required=False)
@click.option("--service", help="botocore's name, with * and ?. Default: every service.")
@click.option("--operation", help="Operation, such as Converse*. Default: every operation.")
@click.option("--model", help="Model, such as amazon.nova-*, or endpoint name. Default: any.")
@click.option("--rate", type=click.FloatRange(0, 1), help="Share of calls that fail. Default: 1.")
@click.option("--seed", type=int, help="Seed of the random choice of calls. Default: 0.")
@click.option("--times", type=click.IntRange(1), help="Maximum number of calls to hit.")
@click.option("--error", help="Error code, such as ThrottlingException.")
@click.option("--status", type=click.IntRange(400, 599), help="HTTP status of the error.")
@click.option("--message", help="Message of the error.")
@click.option(
    "--after-events", type=click.IntRange(0), help="Break streams after this many events."
)
@click.option("--latency-ms", type=click.IntRange(0), help="Delay before each answer.")
@click.option("--requests-per-minute", type=click.IntRange(0), help="Quota for each model.")
@click.option("--tokens-per-minute", type=click.IntRange(0), help="Quota for each model.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Replace all faults by those in this file.",
)
@_endpoint_option
@data_dir_option
@json_option
def set_(
    name: str | None,
    file: Path | None,
    endpoint: str | None,
    data_dir: Path,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Set the fault NAME, or all faults of a file."""
    fault = {option: value for option, value in chosen.items() if value is not None}
    if (name is None) == (file is None) or (file is not None and fault):
        raise UsageError("Give a name and what befalls calls, or --file alone.")
    body = fault if file is None else _read(file)
    path = PATH if name is None else f"{PATH}/{name}"
    _show(_asked(_address(endpoint, data_dir), "PUT", path, body), Output(as_json=as_json))


@faults.command()
@_endpoint_option
@data_dir_option
@json_option
def show(endpoint: str | None, data_dir: Path, as_json: bool) -> None:
    """Show the faults, and how many calls each has hit."""
    _show(_asked(_address(endpoint, data_dir), "GET", PATH), Output(as_json=as_json))


@faults.command()
@click.argument("name", required=False)
@_endpoint_option
@data_dir_option
@json_option
def clear(name: str | None, endpoint: str | None, data_dir: Path, as_json: bool) -> None:
    """Remove the fault NAME, or all."""
    output = Output(as_json=as_json)
    path = PATH if name is None else f"{PATH}/{name}"
    answer = _asked(_address(endpoint, data_dir), "DELETE", path)
    if as_json:
        output.json(answer)
    else:
        output.line(f"Cleared {answer['cleared']}.")


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error


def _address(endpoint: str | None, data_dir: Path) -> str:
    address = endpoint or read_cloud_file(data_dir).get("endpoint_url")
    if not address:
        raise UsageError(
            "No endpoint: give --endpoint, or start the local cloud with `headrace up` "
            f"(there is no running one in {data_dir})."
        )
    return str(address).rstrip("/")


def _asked(endpoint: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    try:
        with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as http:
            response = http.request(method, endpoint + path, json=body)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise UnreachableError(f"Cannot reach {endpoint}: {reason}") from error
    if "x-headrace" not in response.headers:
        raise FaultsUnavailableError(
            f"{endpoint} is not a local cloud (it answered {response.status_code}); "
            "faults can be set in a local cloud only, never on AWS."
        )
    answer: dict[str, Any] = response.json()
    if response.status_code != httpx.codes.OK:
        raise FaultsUnavailableError(str(answer["message"]))
    return answer


def _show(answer: dict[str, Any], output: Output) -> None:
    if output.as_json:
        output.json(answer)
        return
    if not answer["faults"]:
        output.line("No faults are set.")
        return
    output.table(
        ["name", "calls", "what", "fitted", "failed", "delayed", "throttled"],
        (
            [fault["name"], _calls(fault), _what(fault), *fault["counts"].values()]
            for fault in answer["faults"]
        ),
    )


def _calls(fault: dict[str, Any]) -> str:
    return f"{fault['service']} {fault['operation']} {fault['model']}"


def _what(fault: dict[str, Any]) -> str:
    words = []
    if fault.get("error"):
        words.append(f"{fault['error']} at {fault['rate']:g}")
    if fault["latency_ms"]:
        words.append(f"{fault['latency_ms']} ms")
    words += [
        f"{fault[name]} {name.split('_')[0]} a minute"
        for name in ("requests_per_minute", "tokens_per_minute")
        if name in fault
    ]
    return ", ".join(words)
