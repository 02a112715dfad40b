"""Run benchmarks: `python -m benchmarks [NAME…]` prints and writes results and the page."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from benchmarks import summary, trained
from benchmarks.reporting import Result, save, show


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module with `measure(repetitions)`, and its default number of repetitions.

    A benchmark with `of_models` measures trained models: it takes their folder, too. One with
    `compares` measures another checkout beside this one, if one is named.
    """

    module: str
    repetitions: int
    of_models: bool = False
    compares: bool = False

    def measure(self, repetitions: int, models: Path, beside: Path | None) -> Result:
        """Run it; its module is imported here because each needs other packages."""
        run = import_module(self.module).measure
        measure: Callable[[int], Result] = partial(run, folder=models) if self.of_models else run
        if self.compares:
            measure = partial(run, beside=beside)
        return measure(repetitions)


BENCHMARKS: Mapping[str, Benchmark] = {
    "embedding": Benchmark("benchmarks.embedding", 7),
    "rollouts": Benchmark("benchmarks.rollouts", 1),
    "upload": Benchmark("benchmarks.upload", 20),
    "coldstart": Benchmark("benchmarks.coldstart", 7),
    "sizing": Benchmark("benchmarks.sizing", 3),
    "transitions": Benchmark("benchmarks.transitions", 5),
    "ingest": Benchmark("benchmarks.ingest", 5),
    "search": Benchmark("benchmarks.search", 100),
    "search_cpu": Benchmark("benchmarks.search_cpu", 20, compares=True),
    "overload": Benchmark("benchmarks.overload", 3),
    "table_growth": Benchmark("benchmarks.table_growth", 100),
    "folder_growth": Benchmark("benchmarks.folder_growth", 1_000),
    "map_runs": Benchmark("benchmarks.map_runs", 5),
    "memory": Benchmark("benchmarks.memory", 2),
    "answering": Benchmark("benchmarks.answering", 1),
    "answering_real": Benchmark("benchmarks.answering_real.measuring", 1),
    "followups": Benchmark("benchmarks.followups", 1),
    "support": Benchmark("benchmarks.support", 20),
    "screening": Benchmark("benchmarks.screening", 1),
    "safety": Benchmark("benchmarks.safety", 1),
    "prompt_techniques": Benchmark("benchmarks.techniques.measuring", 1),
    "prompt_optimiser": Benchmark("benchmarks.techniques.optimising", 1),
    "feedback": Benchmark("benchmarks.feedback", 50),
    "improvement_loop": Benchmark("benchmarks.improvement_loop", 3),
    "drift": Benchmark("benchmarks.drift", 100),
    "retrieval": Benchmark("benchmarks.retrieval", 1),
    "routing": Benchmark("benchmarks.routing", 15),
    "costs": Benchmark("benchmarks.costs", 20),
    "batches": Benchmark("benchmarks.batches", 2),
    "batch_acceptance": Benchmark("benchmarks.batch_acceptance", 10),
    "code_sandbox": Benchmark("benchmarks.code_sandbox", 100),
    "chat_stream": Benchmark("benchmarks.chat_stream", 30),
    "diffusion_steps": Benchmark("benchmarks.diffusion_steps", 2, of_models=True),
    "exported_graphs": Benchmark("benchmarks.exported_graphs", 31, of_models=True),
    "adapting_ways": Benchmark("benchmarks.adapting_ways", 3, of_models=True),
    "picture_text": Benchmark("benchmarks.picture_text", 12),
    "film": Benchmark("benchmarks.film", 4),
    "film_passages": Benchmark("benchmarks.film_passages", 1),
    "film_shots": Benchmark("benchmarks.film_shots.measuring", 1),
    "recording_chapters": Benchmark("benchmarks.recording_chapters", 1),
    "speech": Benchmark("benchmarks.speech.measuring", 1),
    "speech_people": Benchmark("benchmarks.speech.people", 1),
    "speech_speakers": Benchmark("benchmarks.speech.speakers", 1),
    "extraction": Benchmark("benchmarks.extraction", 1),
    "extraction_lists": Benchmark("benchmarks.extraction_lists", 1),
    "extraction_development": Benchmark("benchmarks.extraction_real.measuring", 1),
    "extraction_calibration": Benchmark("benchmarks.extraction_calibration", 1),
    "extraction_labels": Benchmark("benchmarks.extraction_labels", 1),
    "extraction_selection": Benchmark("benchmarks.extraction_selection", 1),
    "packets": Benchmark("benchmarks.packets", 1),
    "picture_search": Benchmark("benchmarks.picture_search", 1, of_models=True),
    "encoder_tuning": Benchmark("benchmarks.encoder_tuning", 3),
    "training_steps": Benchmark("benchmarks.training_steps", 9, of_models=True),
    "training_memory": Benchmark("benchmarks.training_memory", 1),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named benchmarks, or all that can be run here."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--repetitions", type=int, help="instead of each benchmark's own number")
    parser.add_argument(
        "--trained",
        type=Path,
        default=trained.BUILT,
        metavar="FOLDER",
        help="where models.train_all left its models; build/trained unless given",
    )
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="FOLDER",
        help="another checkout, for benchmarks that compare: search_cpu",
    )
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    for name in chosen.names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        repetitions = chosen.repetitions or benchmark.repetitions
        try:
            result = benchmark.measure(repetitions, chosen.trained.resolve(), chosen.beside)
        except trained.NotTrained as missing:
            if chosen.names:
                parser.error(str(missing))
            print(f"{name} is left out. {missing}", end="\n\n", flush=True)
            continue
        print(show(result), f"written to {save(result)}", sep="\n", end="\n\n", flush=True)
        summary.write()


if __name__ == "__main__":
    main()
