"""Put cards and tables into the repository: `python -m models.seed_pages`.

FOLDER is what `models.train_all` left, and every training has to be there. The card of the first
seed and its pictures go beside the recipe. The numbers of all seeds go into the pages of
`docs/models` that ask for them:

    <!-- seeds of gan: begin -->
    <!-- seeds of gan: end -->
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.failures import BadData, TrainingFailure
from models.files import write_atomically
from models.rehearse import PROJECT
from models.runs.seed_table import bound, evaluation, worst
from models.runs.trainer import MODEL, REFUSAL, SeededRun
from models.training import recipe
from models.training.gates import Gate
from models.training.job import CARD

PAGES = PROJECT / "docs" / "models"
SEEDS = (0, 1, 2)
_PLACE = re.compile(r"(<!-- seeds of (\w+): begin -->\n).*?(<!-- seeds of \2: end -->)", re.DOTALL)
_PICTURES = "*.png"


def table(name: str, trained: Path, seeds: Sequence[int] = SEEDS) -> str:
    """Return the numbers of a recipe and its variants, by seeds, as Markdown.

    Raises:
        BadData: a seed was not trained.
    """
    found = recipe.load(name)
    heads = ["number", *(f"seed {seed}" for seed in seeds), "worst", "gate"]
    lines = []
    for variant in ("", *found.variants):
        if found.variants:
            lines.append(f"**{SeededRun(name, variant, 0).name}**\n")
        lines += [_row(heads), _row(["---"] * len(heads))]
        all_of = [_numbers(SeededRun(name, variant, seed), trained) for seed in seeds]
        for number in all_of[0]:
            values = [each[number] for each in all_of]
            gate = found.gates.get(number)
            shown = [f"{value:.4g}" for value in values]
            lines.append(_row([number, *shown, *_against(gate, values)]))
        lines[-1] += "\n"
    return "\n".join(lines)


def _against(gate: Gate | None, values: Sequence[float]) -> Iterator[str]:
    yield f"{worst(gate, values):.4g}" if gate else ""
    yield bound(gate) if gate else ""


def _numbers(run: SeededRun, trained: Path) -> dict[str, float]:
    try:
        return evaluation(trained, run)
    except OSError as error:
        raise BadData(
            f"{run.name}, seed {run.seed} is not in {trained}; run `python -m models.train_all "
            f"{run.recipe} --into {trained}` first."
        ) from error


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def filled(page: str, trained: Path, names: Sequence[str]) -> str:
    """Return the text of a page with the tables of some recipes filled in. Raises BadData."""
    return _PLACE.sub(
        lambda found: (
            found[1] + table(found[2], trained) + found[3] if found[2] in names else found[0]
        ),
        page,
    )


def take_card(name: str, trained: Path, into: Path) -> None:
    """Copy the card of a recipe's first seed and its pictures into a folder.

    They replace the pictures there. A model below its gates has a card that says so. Raises
    BadData.
    """
    root = trained / name / str(SEEDS[0])
    model = root / MODEL if (root / MODEL / CARD).is_file() else root / REFUSAL
    if not (model / CARD).is_file():
        raise BadData(f"{root / MODEL} has no {CARD}; the first seed has to be exported.")
    for old in into.glob(_PICTURES):
        old.unlink()
    for file in (model / CARD, *sorted(model.glob(_PICTURES))):
        write_atomically(into / file.name, file.read_bytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """Copy the cards of some or all recipes, and fill the pages."""
    parser = argparse.ArgumentParser(prog="python -m models.seed_pages", description=__doc__)
    parser.add_argument(
        "recipes", nargs="*", help="those whose cards and tables are taken; all unless given"
    )
    parser.add_argument("--trained", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    try:
        names = chosen.recipes or recipe.names(with_base_model=False)
        for name in names:
            take_card(name, chosen.trained, recipe.FOLDER / name)
        for path in sorted(PAGES.glob("*.md")):
            page = path.read_text(encoding="utf-8")
            if (told := filled(page, chosen.trained, names)) != page:
                write_atomically(path, told.encode())
    except TrainingFailure as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the user has to know
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
