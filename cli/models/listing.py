"""Output of the `models` commands about the models that answer calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cli.failures import UsageError
from cli.output import Output

if TYPE_CHECKING:
    from chalicelib.generation.added_models import StageModels
    from chalicelib.generation.catalogue import LocalModel
    from chalicelib.generation.models import ServedModel
    from chalicelib.generation.pricing import Prices

_MILLION = 1_000_000


def today() -> date:
    """Return today's date, which decides whether a model has ended."""
    return datetime.now(UTC).date()


def catalogue_models() -> StageModels:
    """Return the models of the files, to which no stage has added any."""
    from chalicelib.generation.added_models import StageModels
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.generation.model_file import served_models

    return StageModels(served_models(), catalogue().prices)


def show_list(output: Output, stage: StageModels) -> None:
    """Print every model that answers calls."""
    models = list(stage.models.models.values())
    if output.as_json:
        output.json([described(model, stage.prices) for model in models])
        return
    output.table(
        ("model", "task", "tier", "state", "context", "$ per 1M in", "out", "batch", "flex", "by"),
        [_row(model, stage.prices) for model in models],
    )
    if stage.question_model:
        output.line(f"Answers on documents are worded by {stage.question_model}.")
    output.line(_image_note())


def _image_note() -> str:
    """Return where image models of Bedrock are called from a stage that is elsewhere."""
    from chalicelib.generation.model_checks import image_regions
    from chalicelib.generation.model_file import served_models

    regions = image_regions(served_models(), today())
    if not regions:
        return "No image model of Bedrock is active."
    return (
        f"Image models of Bedrock are active in {', '.join(regions)}. A stage elsewhere in that"
        " geography calls them there; any other names the region as ImageRegion."
    )


def show_one(output: Output, name: str, stage: StageModels) -> None:
    """Print all details of a model that answers calls, or of one that runs here.

    Raises:
        UsageError: there is no model `name`.
    """
    from chalicelib.errors import NotFound
    from chalicelib.generation.catalogue import catalogue

    try:
        details = described(stage.models.model(name), stage.prices)
    except NotFound as error:
        local = catalogue().models.get(name)
        if local is None:
            here = ", ".join(sorted(catalogue().models))
            raise UsageError(f"{error.message} On this machine: {here}.") from error
        details = _local(local)
    if output.as_json:
        output.json(details)
        return
    rows = [
        (field, _said(value)) for field, value in details.items() if value not in ("", [], {}, 0)
    ]
    output.table(("field", "value"), rows)


def described(model: ServedModel, known: Prices) -> dict[str, Any]:
    """Return a served model as plain fields, with its prices."""
    from chalicelib.generation.models import BedrockBackend, OpenAiBackend
    from chalicelib.generation.pricing import price_units

    backend = model.backend
    ways: dict[str, Any] = {"kind": backend.kind}
    if isinstance(backend, BedrockBackend):
        ways |= {
            "model_id": backend.model_id,
            "api": backend.api,
            "regions": sorted(backend.regions),
            "profiles": {
                profile.id: f"at {profile.price_factor} of the price"
                for profile in backend.profiles.values()
            },
        }
    if isinstance(backend, OpenAiBackend):
        ways |= {"url": backend.url, "model_id": backend.model_id, "reach": backend.reach}
        ways |= {"key": backend.secret or "none"}
    life = model.lifecycle
    return {
        "name": model.name,
        "title": model.title,
        "provider": model.provider,
        "task": model.task,
        "only": model.specialty,
        "tier": model.tier,
        "state": life.status_on(today()),
        "launched": _day(life.launched),
        "not_before": _day(life.not_before),
        "ends": _day(life.ends),
        "backend": ways,
        "context_tokens": model.limits.context_tokens,
        "output_tokens": model.limits.output_tokens,
        "dimensions": list(model.limits.dimensions),
        "inputs": sorted(model.inputs),
        "outputs": sorted(model.outputs),
        "abilities": sorted(model.abilities),
        "refuses": list(model.refuses),
        "fallbacks": list(model.fallbacks),
        "aliases": list(model.aliases),
        "prices": {
            unit: f"${known[unit].dollars:f} on {known[unit].date}, {known[unit].source}"
            for unit in price_units(model)
            if unit in known
        },
        "batch": str(model.batch.price_factor) if model.batch is not None else "",
        "flex": str(model.flex or ""),
        "licence": model.licence,
        "local": model.local,
        "queue": model.queue,
        "notes": model.notes,
    }


def _local(model: LocalModel) -> dict[str, Any]:
    """Return a model of this machine as plain fields."""
    return {
        "name": model.name,
        "title": model.title,
        "task": model.task,
        "backend": model.backend,
        "bytes": model.bytes,
        "dimensions": model.dimensions or "",
        "limits": dict(model.limits),
        "languages": list(model.languages),
        "files": [file.name for file in model.files],
        "sources": [source.package or source.url for source in model.sources],
        "licence": model.licence,
        "upstream": model.upstream,
        "notes": model.notes,
    }


def _row(model: ServedModel, known: Prices) -> tuple[object, ...]:
    backend = model.backend
    by = getattr(backend, "model_id", "") or getattr(backend, "function", "") or backend.kind
    state = model.lifecycle.status_on(today())
    ends = f" {model.lifecycle.ends}" if model.lifecycle.ends is not None else ""
    return (
        *(model.name, model.task, model.tier, f"{state}{ends}", model.limits.context_tokens or "-"),
        *_prices(model, known),
        model.batch.price_factor if model.batch is not None else "-",
        model.flex or "-",
        by,
    )


def _prices(model: ServedModel, known: Prices) -> Iterator[str]:
    """Yield the price of a million tokens in, then out; or of a picture, or of a second."""
    for kind in ("input_token", "output_token"):
        price = known.get(model.price_unit(kind))
        yield "-" if price is None else f"{(price.dollars * _MILLION).normalize():f}"


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _said(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_said(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
