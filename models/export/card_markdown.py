"""A model card as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chalicelib.contracts.model_card import CardFact, CardNumber, ModelCard


def card_markdown(card: ModelCard) -> str:
    """Return the card as Markdown; its pictures are files beside it."""
    parts = [
        f"# {card.name}",
        card.about,
        card.verdict,
        *(f"![{name.partition('.')[0]}]({name})" for name in card.pictures),
        "## Evaluation",
        _table(
            ("number", "value", "gate"),
            ((each.name, _value(each), each.gate) for each in card.numbers),
        ),
        *_champion(card),
        "## Graphs",
        _graphs(card),
        *_data(card),
        "## Origin",
        _facts(card.origin),
    ]
    return "\n\n".join(parts) + "\n"


def _value(number: CardNumber) -> str:
    if number.value is None:
        return f"cannot be told: {number.unknown}"
    return f"{number.value:.4g}"


def _champion(card: ModelCard) -> Iterable[str]:
    if not card.differences:
        return
    yield "## Against the champion"
    yield _table(
        ("number", "champion", "this", "difference, 95 %", "p"),
        (
            (
                each.name,
                f"{each.champion:.4g}",
                f"{each.challenger:.4g}",
                f"{each.low:+.4g} to {each.high:+.4g}",
                f"{each.p:.3g}",
            )
            for each in card.differences
        ),
    )


def _graphs(card: ModelCard) -> str:
    if not card.graphs:
        return "None: it was not exported."
    return _table(
        ("graph", "takes", "gives", "bytes", "differs by at most"),
        (
            (each.file, each.takes, each.gives, f"{each.size:,}", f"{each.parity:.1e}")
            for each in card.graphs
        ),
    )


def _data(card: ModelCard) -> Iterable[str]:
    if card.data:
        yield "## Data"
        yield _facts(card.data)
    if card.problems:
        yield "What was found in it, and accepted:"
        yield _table(
            ("problem", "how often", "what it is"),
            ((each.name, f"{each.rows:,}", each.about) for each in card.problems),
        )


def _facts(facts: Iterable[CardFact]) -> str:
    return _table(("what", "value"), ((each.name, _cell(each.value)) for each in facts))


def _cell(text: str) -> str:
    """Return a user's text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
