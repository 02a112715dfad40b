"""The commands `models add` and `models remove`: models behind servers of OpenAI's API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from cli.failures import CommandError, ItemsFailedError, UsageError
from cli.models.added_entry import USUAL_ABILITIES, base_url, model_entry, price_entries, read_key
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models.added_models import (
    AddedModelError,
    AddedModelStage,
    list_ids,
    translate_model_errors,
    try_model,
)

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Reply

_ABILITIES = ("streams", "json", "json_schema", "tools", "tool_choice")


def _price(context: click.Context, parameter: click.Parameter, given: str | None) -> Decimal | None:
    """Return dollars for a million tokens; raise UsageError for another text."""
    if given is None:
        return None
    try:
        price = Decimal(given)
    except InvalidOperation:
        price = Decimal(-1)
    if not price.is_finite() or price < 0:
        raise UsageError(f"{parameter.opts[0]} is dollars for 1,000,000 tokens, such as 0.15 or 0.")
    return price


@click.command("add")
@click.argument("name")
@click.option("--openai", "url", required=True, metavar="URL", help="Base address of its server.")
@click.option("--model", "model_id", help="Its id there. Default: the only one that is listed.")
@click.option("--task", type=click.Choice(["chat", "embedding"]), default="chat", show_default=True)
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with its key, that only you may read (mode 600).",
)
@click.option("--key-env", metavar="VAR", help="Environment variable with its key.")
@click.option("--no-key", is_flag=True, help="With --replace: forget the key that was given.")
@click.option("--input-price", callback=_price, help="Dollars for 1,000,000 tokens read.")
@click.option("--output-price", callback=_price, help="Dollars for 1,000,000 tokens written.")
@click.option(
    "--context",
    type=click.IntRange(256, 10_000_000),
    default=8_192,
    show_default=True,
    help="Tokens of prompt and answer together; of one text, for embeddings.",
)
@click.option("--max-output", type=click.IntRange(1, 1_000_000), help="Tokens of an answer.")
@click.option(
    "--passages",
    type=click.IntRange(64, 1_000_000),
    help="Tokens of passages that it uses well. Default: half of the context, 4,000 at most.",
)
@click.option("--dimensions", type=click.IntRange(1, 65_536), help="Of its vectors.")
@click.option(
    "--tier",
    type=click.IntRange(1, 5),
    default=2,
    show_default=True,
    help="Your judgement of its quality, by which `quality` in a call chooses.",
)
@click.option(
    "--ability",
    "abilities",
    multiple=True,
    type=click.Choice(_ABILITIES),
    help=f"What server and model can do; may be repeated. Default: {', '.join(USUAL_ABILITIES)}.",
)
@click.option("--images", is_flag=True, help="It also reads images.")
@click.option("--title", help="What people are told of it. Default: its id.")
@click.option("--terms", default="as its provider states", help="Its licence or terms.")
@click.option(
    "--reach",
    type=click.Choice(["region", "geography", "global"]),
    default="region",
    show_default=True,
    help="How far from the stage's region it may work on a call.",
)
@click.option(
    "--queue",
    help="Name of the queue that it shares with other models; '' for none. Default: the host and"
    " port of a private address.",
)
@click.option(
    "--completion-tokens",
    is_flag=True,
    help="Bound answers by max_completion_tokens, as OpenAI's own models require.",
)
@click.option("--for-questions", is_flag=True, help="Let it word answers of `headrace ask`.")
@click.option("--replace", "replaces", is_flag=True, help="Replace an added model of this name.")
@click.option("--check/--no-check", default=True, help="Whether to try it from here first.")
@stage_options
@json_option
def add_model(place: StageOptions, /, name: str, as_json: bool, **given: Any) -> None:
    """Let the stage answer calls by NAME, a model behind any server of OpenAI's API.

    Ollama, vLLM, llama.cpp, LM Studio, OpenAI and others serve it: URL is what stands before
    /chat/completions, such as http://127.0.0.1:11434/v1. It is routed, priced, budgeted and rested
    like the models of the catalogue, within half a minute. Without prices it answers only when it
    is asked for by name, and not where dollars are limited; for a server of your own, say
    --input-price 0 --output-price 0.
    """
    output = Output(as_json=as_json)
    url = base_url(given["url"])
    with translate_errors():
        stage = open_stage(place)
        stage.require_name(name)
        stage.require_target(url)
        key = read_key(given["key_file"], given["key_env"])
        kept = _kept_key(stage, name, url) if key is None and not given["no_key"] else ""
        model_id = given["model_id"] or _only_id(url, key or kept)
        secret = stage.secret_name(name) if key or kept else ""
        entry = model_entry(name, url, model_id, secret, given)
        reply = try_model(entry, key or kept) if given["check"] else None
        prices = price_entries(name, given["input_price"], given["output_price"], given["task"])
        stage.add(
            entry,
            prices,
            key,
            replaces=given["replaces"],
            for_questions=given["for_questions"],
        )
    if as_json:
        output.json({"model": entry, "prices": prices, "answered": reply is not None})
        return
    _report(output, entry, bool(prices), reply)


@click.command("remove")
@click.argument("name")
@stage_options
@json_option
def remove_model(place: StageOptions, name: str, as_json: bool) -> None:
    """Remove the model NAME that was added to the stage, and its key or what serves as it.

    A model whose vectors an index of some tenant has stays.
    """
    from infra.models.served_embedders import require_unindexed
    from infra.models.served_files import withdraw
    from infra.models.throughput import PROVISIONED_MODEL

    output = Output(as_json=as_json)
    with translate_errors():
        stage = place.find()
        added = AddedModelStage(stage)
        backend = added.entry(name)["backend"]
        answered_by = str(backend.get("model_id", ""))
        if backend["kind"] == "function":
            require_unindexed(stage, name)
            withdraw(stage, name)  # before the name goes, so that a repeated command ends the rest
        added.remove(name)
    if PROVISIONED_MODEL in answered_by:
        output.notice(
            f"{answered_by} is billed by the hour until it is deleted: headrace models provisioned "
            f"--delete {answered_by}",
            "red",
        )
    if as_json:
        output.json({"removed": name})
        return
    output.line(f"{name} is removed; calls of it are refused within half a minute.")


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn errors of the stage into failures of the command."""
    from infra.models.version_files import ServingError

    try:
        with translate_model_errors():
            yield
    except (AddedModelError, ServingError, ValueError) as error:
        raise CommandError(str(error)) from error


def open_stage(place: StageOptions) -> AddedModelStage:
    """Return the stage of the options. Raises AddedModelError, ValueError, and what boto3 does."""
    return AddedModelStage(place.find())


def check_servers(output: Output, place: StageOptions, names: tuple[str, ...]) -> None:
    """Ask the servers of added models for the shortest answer, and print what came of it.

    Raises:
        UsageError: no model was added by one of the names.
        ItemsFailedError: a server did not answer.
    """
    with translate_errors():
        stage = open_stage(place)
        entries = {entry["name"]: entry for entry in stage.added().models}
        if unknown := [name for name in names if name not in entries]:
            known = ", ".join(entries) or "none"
            raise UsageError(f"No model was added as {unknown[0]!r}; added: {known}.")
        found = [_checked(stage, entries[name]) for name in names]
    if output.as_json:
        output.json(found)
    else:
        output.table(
            ("model", "state", "says"),
            [(each["name"], each["state"], each["says"]) for each in found],
        )
    if any(each["state"] != "answers" for each in found):
        raise ItemsFailedError


def _checked(stage: AddedModelStage, entry: dict[str, Any]) -> dict[str, str]:
    name = entry["name"]
    try:
        stage.require_target(entry["backend"]["url"])
        with translate_model_errors():
            reply = try_model(entry, stage.key_of(name))
    except AddedModelError as error:
        return {"name": name, "state": "fails", "says": str(error)}
    says = f"in {reply.seconds:.1f} s, as {reply.answered_by}"
    return {"name": name, "state": "answers", "says": says}


def _kept_key(stage: AddedModelStage, name: str, url: str) -> str:
    """Return the key that is kept for the same server; another server must not be sent it."""
    for entry in stage.added().models:
        if (
            entry["name"] == name
            and urlsplit(entry["backend"]["url"]).netloc == urlsplit(url).netloc
        ):
            return stage.key_of(name)
    return ""


def _only_id(url: str, key: str) -> str:
    """Return the id of the only model that a server lists."""
    ids = list_ids(url, key)
    if len(ids) == 1:
        return ids[0]
    listed = f"lists {len(ids)}: {', '.join(ids[:20])}" if ids else "lists none"
    raise UsageError(f"Say which model by --model ID; the server {listed}.")


def _report(output: Output, entry: dict[str, Any], is_priced: bool, reply: Reply | None) -> None:
    name = entry["name"]
    output.line(
        f"{name} answers calls within half a minute: {entry['title']},"
        f" at {entry['backend']['url']}."
    )
    if reply is not None:
        output.line(
            f"It answered from here in {reply.seconds:.1f} s, as {reply.answered_by}"
            f" ({reply.usage.tokens_in} tokens in, {reply.usage.tokens_out} out)."
        )
    if not is_priced:
        output.line(
            "It has no price: it answers only when asked for by name, and not where dollars are"
            " limited. --replace --input-price … --output-price … gives it one."
        )
    if entry["queue"]:
        output.line(f"Calls of all models of {entry['queue']} wait in one queue.")
    output.line(f"Try: headrace generate --model {name} 'Say hello'")
