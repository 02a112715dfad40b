"""Put the latest results into `docs/benchmarks.md`: `python -m benchmarks.summary`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import (
    summary_answers,
    summary_batches,
    summary_cloud,
    summary_extraction,
    summary_films,
    summary_models,
    summary_peers,
    summary_pictures,
    summary_retrieval,
    summary_sizing,
    summary_speech,
    summary_training,
)
from benchmarks.reporting import RESULTS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
LENGTHS = (32, 128, 256)

Found = Mapping[str, Any]


def latest(name: str, folder: Path = RESULTS) -> Found:
    """Return the newest result of benchmark `name`. Raises FileNotFoundError."""
    files = sorted(folder.glob(f"????-??-??-{name}.json"))
    if not files:
        raise FileNotFoundError(f"{name} was never measured: python -m benchmarks {name}")
    found: Found = json.loads(files[-1].read_text())
    return found


OF_MODELS = {
    "diffusion_steps": summary_models.diffusion_steps,
    "exported_graphs": summary_models.exported_graphs,
    "adapting_ways": summary_models.adapting_ways,
    "training_steps": summary_models.training_steps,
    "training_memory": summary_training.training_memory,
    "picture_search": summary_pictures.picture_search,
}
"""Benchmarks of models that are trained first; the page has those that were measured."""


OF_READERS = {
    "picture_text": summary_pictures.picture_text,
    "film": summary_films.film,
    "film_passages": summary_films.film_passages,
    "film_shots": summary_films.film_shots,
    "speech": summary_speech.speech,
    "speech_people": summary_speech.speech_people,
    "speech_speakers": summary_speech.speech_speakers,
    "recording_chapters": summary_speech.recording_chapters,
    "extraction": summary_extraction.extraction,
    "extraction_lists": summary_extraction.long_lists,
    "extraction_development": summary_extraction.development,
    "extraction_calibration": summary_extraction.calibration,
    "extraction_labels": summary_extraction.labels,
    "extraction_selection": summary_extraction.selection,
    "packets": summary_extraction.packets,
}
"""Benchmarks of what reads files; the page has those that were measured."""


OF_THE_LOCAL_CLOUD = {
    "search_cpu": summary_cloud.search_cpu,
    "overload": summary_cloud.overload,
    "map_runs": summary_cloud.map_runs,
    "folder_growth": summary_cloud.folder_growth,
}
"""Benchmarks of the local cloud itself; the page has those that were measured."""


def is_measured(name: str, folder: Path = RESULTS) -> bool:
    """Return whether there is a result of benchmark `name`."""
    return any(folder.glob(f"????-??-??-{name}.json"))


def lines(folder: Path = RESULTS) -> Iterator[str]:
    """Yield the Markdown of the latest results."""
    for name, section in [
        ("embedding", _embedding),
        ("upload", _upload),
        ("coldstart", _coldstart),
        ("sizing", summary_sizing.sizing),
        ("transitions", _transitions),
        ("ingest", summary_peers.ingest),
        ("search", summary_peers.search),
        *(
            (name, section)
            for name, section in OF_THE_LOCAL_CLOUD.items()
            if is_measured(name, folder)
        ),
        ("memory", summary_peers.memory),
        ("answering", summary_answers.answering),
        ("followups", summary_answers.followups),
        ("answering_real", summary_answers.answering_real),
        *((name, told) for name, told in OF_READERS.items() if is_measured(name, folder)),
        ("support", summary_answers.support),
        ("screening", summary_answers.screening),
        ("feedback", _feedback),
        ("retrieval", summary_retrieval.retrieval),
        ("routing", _routing),
        ("batches", summary_batches.batches),
        ("batch_acceptance", summary_batches.acceptance),
        *((name, told) for name, told in OF_MODELS.items() if is_measured(name, folder)),
    ]:
        found = latest(name, folder)
        machine = found["machine"]
        yield f"**{name}**, {found['measured_at'][:10]}, {found['repetitions']} repetitions,"
        yield f"Python {found['versions']['python']}, {machine['cores']} cores,"
        yield f"load {machine['load_1_minute']:.1f} at the end:"
        yield ""
        yield from section(found)
        yield ""


def _routing(found: Found) -> Iterator[str]:
    """Yield a row per kind of request."""
    yield "| request | ms of CPU, median | p10 to p90 |"
    yield "| --- | --- | --- |"
    for name, each in found["measured"].items():
        yield f"| {name} | {each['median']:.2f} | {each['p10']:.2f} to {each['p90']:.2f} |"


def _median(found: Found, name: str) -> float:
    return float(found["measured"][name]["median"])


def _embedding(found: Found) -> Iterator[str]:
    theirs = "sentence-transformers"
    yield "| tokens | ours, int8 | theirs, batch 1 | batch 32 | ours : their best | cosine |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for length in LENGTHS:
        rates = [
            f"{_median(found, f'{who}, {length} tokens'):.0f}"
            for who in ("ours, int8", theirs, f"{theirs}, batch 32")
        ]
        against = min(
            found["ratios"][f"ours against theirs at batch {batch}, {length} tokens"]
            for batch in (1, 32)
        )
        cosine = _median(found, f"cosine of int8 and fp32, {length} tokens")
        yield f"| {length} | {' | '.join(rates)} | {against:.2f} | {cosine:.3f} |"
    yield ""
    yield "Sentences a core-second, by CPU time."


def _upload(found: Found) -> Iterator[str]:
    parts = [name.removeprefix("md, ") for name in found["measured"] if name.startswith("md, ")]
    yield "| milliseconds | Markdown p50 | p90 | PDF p50 | p90 |"
    yield "| --- | --- | --- | --- | --- |"
    for part in parts:
        cells = [
            f"{found['measured'][f'{kind}, {part}'][which]:.0f}"
            for kind in ("md", "pdf")
            for which in ("median", "p90")
        ]
        yield f"| {part} | {' | '.join(cells)} |"
    yield ""
    seconds = found["facts"]["first upload, every function cold, seconds"]
    yield f"The first upload, with every function cold, took {seconds:.1f} s."


def _coldstart(found: Found) -> Iterator[str]:
    names = [name.removesuffix(", ours, CPU") for name in found["measured"]]
    yield "| milliseconds | ours, CPU | naive, CPU | naive : ours | ours, wall | naive, wall |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name in (name for name in names if f"{name}, ours, CPU" in found["measured"]):
        ours, naive, ours_wall, naive_wall = (
            f"{_median(found, f'{name}, {kind}'):.0f}"
            for kind in ("ours, CPU", "naive, CPU", "ours, wall", "naive, wall")
        )
        ratio = found["ratios"][f"naive against ours, CPU, {name}"]
        yield f"| {name} | {ours} | {naive} | {ratio:.2f} | {ours_wall} | {naive_wall} |"
    yield ""
    sizes = found["facts"]["bundle size, MB"]
    yield (
        "Bundles unzipped, ours (naive), in MB: "
        + ", ".join(
            f"{room} {size:.0f} ({sizes['naive'][room]:.0f})"
            for room, size in sizes["ours"].items()
        )
        + "."
    )


def _transitions(found: Found) -> Iterator[str]:
    yield "| one page | billed transitions | dollars a thousand documents |"
    yield "| --- | --- | --- |"
    for kind in ("md", "pdf"):
        transitions = _median(found, f"one-page {kind}, billed transitions")
        dollars = _median(found, f"one-page {kind}, a thousand")
        yield f"| {kind} | {transitions:.0f} | {dollars:.3f} |"


def _feedback(found: Found) -> Iterator[str]:
    facts = found["facts"]
    yield "| questions | users | asked | count | MRR@10 | with votes | difference | nDCG@10 |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name in ("foldoc", "wordnet"):
        for users, kinds in facts[name].items():
            for kind, scores in kinds.items():
                rank, gain = scores["MRR@10"], scores["nDCG@10"]
                cells = [name, users, kind, str(rank["questions"])]
                cells += [f"{rank['without']:.3f}", f"{rank['with']:.3f}"]
                cells += [_difference(rank), _difference(gain)]
                yield f"| {' | '.join(cells)} |"
    yield ""
    columns = list(next(iter(facts["answers"].values())))
    yield f"| answers | {' | '.join(columns)} |"
    yield f"|{' --- |' * (1 + len(columns))}"
    for name, counts in facts["answers"].items():
        yield f"| {name} | {' | '.join(str(counts[column]) for column in columns)} |"
    yield ""
    weighing = found["measured"][f"weighing {facts['votes']} votes"]
    yield (
        f"Weighing {facts['votes']} votes takes {weighing['median']:.1f} ms of CPU"
        f" (p90 {weighing['p90']:.1f})."
    )


def _difference(score: Mapping[str, Any]) -> str:
    low, high = score["interval"]
    return f"{score['difference']:+.3f} ({low:+.3f} to {high:+.3f})"


def write() -> None:
    """Replace the part between the marks of the page, and the picture beside it."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if is_measured("diffusion_steps"):
        curve = summary_models.diffusion_curve(latest("diffusion_steps"))
        curve.save(PAGE.parent / summary_models.CURVE)
    PAGE.write_text("\n".join([f"{before}{BEGIN}", "", *lines(), f"{END}{after}"]))


if __name__ == "__main__":
    write()
