"""The commands `up` and `down` of the local cloud."""

from __future__ import annotations

from pathlib import Path

import click

from cli.local.cloud import (
    CloudStartError,
    ended_by_signals,
    running_cloud,
    server_command,
    start,
    stop,
    stop_process,
)
from cli.options import data_dir_option, json_option
from cli.output import Output

DEFAULT_PORT = 4510


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port of 127.0.0.1 to listen on; 0 takes a free one.",
)
@click.option(
    "--package",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Run the functions from a package of `headrace package`, not from the source tree.",
)
@click.option(
    "--account",
    type=click.Choice(("laptop", "small")),
    default="laptop",
    show_default=True,
    help="small: as a new AWS account, ten functions at once, throttled at once beyond.",
)
@click.option(
    "--iam",
    type=click.Choice(("enforce", "off")),
    default="enforce",
    show_default=True,
    help="off: make every call, whatever the policies of a role allow.",
)
@click.option(
    "--clock",
    metavar="TIME",
    help="Live from this time on, such as 2027-03-28T01:59:30Z, and see what will happen then.",
)
@click.option(
    "--chat-model",
    metavar="NAME",
    default="",
    help="The pulled model that answers for all chat models of Bedrock.",
)
@click.option(
    "--training",
    is_flag=True,
    help="Have a stage that trains, for `headrace train` and `headrace models`.",
)
@click.option("--detach", "-d", is_flag=True, help="Return once it is ready; stop it with `down`.")
@data_dir_option
@json_option
def up(  # noqa: PLR0913 - the options of a command
    port: int,
    package: Path | None,
    account: str,
    iam: str,
    clock: str | None,
    chat_model: str,
    training: bool,
    detach: bool,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Start the local cloud and run until Ctrl-C. Its data is kept between runs."""
    output = Output(as_json=as_json)
    running = running_cloud(data_dir)
    if running:
        raise CloudStartError(
            f"A local cloud runs on {data_dir} already: {running.endpoint_url}, "
            f"process {running.pid}. End it with `headrace down`."
        )
    with ended_by_signals():
        command = server_command(
            data_dir, port, package, account, iam, clock, chat_model, training=training
        )
        process, cloud = start(data_dir, command)
        if as_json:
            output.json(
                {"pid": cloud.pid, "endpoint_url": cloud.endpoint_url, "api_key": cloud.api_key}
            )
        else:
            output.line(f"The local cloud is up: {cloud.endpoint_url}", "bold green")
            output.line(f"  API key   {cloud.api_key}")
            output.line(f"  console   {cloud.endpoint_url}/console#key={cloud.api_key}")
            output.line(f"  data      {data_dir}")
        if detach:
            return
        if not as_json:
            output.line("  Ctrl-C ends it.")
        try:
            code = process.wait()
        except KeyboardInterrupt:
            output.notice("Stopping.")
            stop_process(process)
            return
    raise CloudStartError(f"The local cloud ended by itself with code {code}; see its server.log.")


@click.command()
@data_dir_option
@json_option
def down(data_dir: Path, as_json: bool) -> None:
    """Stop the local cloud. It is no error if none runs."""
    output = Output(as_json=as_json)
    cloud = running_cloud(data_dir)
    if cloud:
        stop(cloud)
    if as_json:
        output.json({"stopped": cloud.pid if cloud else None})
    elif cloud:
        output.line(f"Stopped the local cloud, process {cloud.pid}.")
    else:
        output.line(f"No local cloud runs on {data_dir}.")
