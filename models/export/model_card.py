"""The model card: what a model is, its evaluation, its graphs and its origin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chalicelib.contracts.model_manifest import Signature
from models.evaluation.champion import Difference
from models.training.gates import Gate, missed_gates
from models.training.recipe import Recipe
from models.training.recipe_gates import gates_of
from models.training.settings import RecipeSettings
from models.training_data.channel import DataManifest, TeacherRecord


def model_card(
    recipe: Recipe,
    settings: RecipeSettings,
    signature: Signature,
    pictures: Sequence[str],
    differences: Mapping[str, Difference],
    unknown: Mapping[str, str] | None = None,
    manifest: DataManifest | None = None,
) -> str:
    """Return the card as Markdown.

    `pictures` are files beside it; `differences` are those to the champion, if there was one.
    `unknown` says by name why a number cannot be told. `manifest` is that of a channel of rows.
    """
    origin = signature.origin
    data = recipe.dataset
    parts = [
        f"# {signature.name}",
        recipe.about,
        verdict(recipe, signature, unknown),
        *(f"![{name.partition('.')[0]}]({name})" for name in pictures),
        "## Evaluation",
        _evaluation(signature.metrics, unknown or {}, _gates(recipe, signature)),
        *_champion(differences),
        "## Graphs",
        _graphs(signature),
        *_data(manifest),
        "## Origin",
        _table(
            ("what", "value"),
            (
                ("recipe, preset", f"{origin.recipe}, {origin.preset}"),
                ("licence of the model", signature.licence),
                ("data", manifest.kind if manifest else f"{data.name}, {data.licence}"),
                ("source of the data", _cell(manifest.source) if manifest else data.source),
                ("sha256 of the data", origin.data),
                ("sha256 of the code", origin.code),
                ("trained by", f"torch {origin.torch} on {origin.device}, seed {origin.seed}"),
                *((name, str(value)) for name, value in settings.model_dump().items()),
            ),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _teacher(each: TeacherRecord) -> str:
    """Return which model answered the rows, and on which terms that was agreed to."""
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in each.dropped.items())
    read = f"{each.source}, read {each.read}" if each.read else f"{each.source or 'no source'}"
    return (
        f"{each.model} of {each.provider}: {each.rows:,} answers, {dropped or 'none'} left out. "
        f"Terms {each.terms}, {each.training}: {each.says} ({read}) "
        f"{'Agreed to.' if each.accepted else 'Not agreed to.'}"
    )


def _data(manifest: DataManifest | None) -> Iterable[str]:
    if manifest is None:
        return
    parts = ", ".join(f"{count:,} {part}" for part, count in manifest.counts.items())
    rows = [
        ("licence", manifest.licence),
        ("rows", parts),
        ("split", manifest.split),
        ("prepared by", manifest.made_by or "the recipe's data set"),
    ]
    if manifest.tenant:
        rows.append(("tenant", f"{manifest.tenant}, of whose data the rows came"))
    rows += [("teacher", _teacher(each)) for each in manifest.teachers]
    if manifest.classes:
        shown = list(manifest.classes.items())[:_SHOWN_CLASSES]
        more = len(manifest.classes) - len(shown)
        told = ", ".join(f"{name} {count:,}" for name, count in shown)
        rows.append(("classes", told + (f", and {more:,} more" if more else "")))
    yield "## Data"
    yield _table(("what", "value"), [(name, _cell(value)) for name, value in rows])
    if manifest.problems:
        yield "What was found in it, and accepted:"
        yield _table(
            ("problem", "how often", "what it is"),
            [(each.name, f"{each.rows:,}", each.about) for each in manifest.problems],
        )


def _cell(text: str) -> str:
    """Return a user's text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


_SHOWN_CLASSES = 20


def _graphs(signature: Signature) -> str:
    if not signature.graphs:
        return "None: it was not exported."
    return _table(
        ("graph", "takes", "gives", "bytes", "differs by at most"),
        (
            (
                spec.file,
                ", ".join(_shape(each.name, each.shape) for each in spec.inputs),
                ", ".join(_shape(each.name, each.shape) for each in spec.outputs),
                f"{spec.size:,}",
                f"{spec.parity:.1e}",
            )
            for spec in signature.graphs.values()
        ),
    )


def _gates(recipe: Recipe, signature: Signature) -> Mapping[str, Gate]:
    origin = signature.origin
    return gates_of(recipe, origin.asked_gates, own_data=origin.own_data)


def verdict(recipe: Recipe, signature: Signature, unknown: Mapping[str, str] | None = None) -> str:
    """Return in one sentence each whether the model may serve, and what speaks against it."""
    origin = signature.origin
    if origin.preset == "smoke":
        said = ["The preset smoke is held to no gate: it may not serve, nor found other models."]
    elif missed := missed_gates(_gates(recipe, signature), signature.metrics, unknown):
        said = [f"**It misses its gates and may not serve:** {'; '.join(missed)}."]
    else:
        said = ["It reaches every gate."]
    said += [f"**It begins from what it should not:** {why}." for why in origin.unapproved_bases]
    return " ".join(said)


def _evaluation(
    numbers: Mapping[str, float], unknown: Mapping[str, str], gates: Mapping[str, Gate]
) -> str:
    shown = {name: f"{value:.4g}" for name, value in numbers.items()}
    shown |= {name: f"cannot be told: {reason}" for name, reason in unknown.items()}
    return _table(
        ("number", "value", "gate"),
        ((name, value, _bounds(gates.get(name))) for name, value in shown.items()),
    )


def _champion(differences: Mapping[str, Difference]) -> Iterable[str]:
    if not differences:
        return
    yield "## Against the champion"
    yield _table(
        ("number", "champion", "this", "difference, 95 %", "p"),
        (
            (
                name,
                f"{each.champion:.4g}",
                f"{each.challenger:.4g}",
                f"{each.low:+.4g} to {each.high:+.4g}",
                f"{each.p:.3g}",
            )
            for name, each in differences.items()
        ),
    )


def _bounds(gate: Gate | None) -> str:
    if gate is None:
        return ""
    bounds = [(gate.least, "at least"), (gate.most, "at most")]
    return ", ".join(f"{word} {bound:g}" for bound, word in bounds if bound is not None)


def _shape(name: str, shape: Iterable[int | str]) -> str:
    return f"{name} [{', '.join(map(str, shape))}]"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
