"""How often questions are answered rightly, and refused rightly: `python -m benchmarks.answering`.

The sample documents go through the product's own reading, chunking and embedding, in this
process; an exact hybrid index (cosine and BM25, fused by reciprocal rank) stands in for
S3 Vectors. No language model takes part: tier 0 is measured.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reporting import Result, save
from benchmarks.shares import share
from chalicelib.contracts import EmbedTextResult, Hit
from chalicelib.contracts.searching import Neighbour
from chalicelib.inference.embedder import Embedder
from chalicelib.ports import IndexRef
from chalicelib.query_ports import IndexFilter
from chalicelib.retrieval import answering
from chalicelib.retrieval.chunking import chunk_pages
from chalicelib.retrieval.finding import Finder, Query
from chalicelib.retrieval.replying import replying
from chalicelib.retrieval.terms import terms
from functions.read_document.extract import extract
from functions.read_document.magic import identify

ROOT = Path(__file__).parent.parent
FUSION = 60
SETS = {
    "samples": ("samples", "questions.json"),
    "near misses": ("samples", "questions_near.json"),
    "project": ("tests/data/project", "questions_project.json"),
}
"""The documents and the labelled questions about them."""


@dataclass
class LocalEmbedder:
    """The embedding function's model, in this process."""

    embedder: Embedder

    def embed(self, texts: Sequence[str], correlation_id: str, model: str = "") -> EmbedTextResult:
        """Return one vector a text."""
        vectors, tokens = self.embedder.embed_counted(texts, truncate=True)
        return EmbedTextResult(
            vectors=tuple(tuple(vector) for vector in vectors.tolist()),
            model=self.embedder.model,
            tokens=tokens,
            seconds=0.0,
        )


class ExactIndex:
    """Every chunk, ranked by cosine and by BM25, the two ranks fused."""

    def __init__(self, hits: Sequence[Hit], embedder: LocalEmbedder) -> None:
        self.hits = hits
        self.vectors = embedder.embed([hit.text for hit in hits], "").vectors
        self.counts = [Counter(terms(hit.text)) for hit in hits]
        self.lengths = [sum(counts.values()) for counts in self.counts]

    def query(
        self,
        index: IndexRef,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        condition: IndexFilter | None,
    ) -> Sequence[Hit]:
        """Return the best chunks; these questions have no `condition`."""
        near = [answering.cosine(vector, other) for other in self.vectors]
        fused = [0.0] * len(self.hits)
        for scores in (near, self._bm25(text)):
            order = sorted(range(len(scores)), key=lambda at: -scores[at])
            for rank, at in enumerate(order, start=1):
                if scores[at] > 0:
                    fused[at] += 1 / (FUSION + rank)
        order = sorted(range(len(fused)), key=lambda at: -fused[at])[:count]
        return [self.hits[at].model_copy(update={"score": fused[at]}) for at in order]

    def chunks(self, index: IndexRef, keys: Sequence[str]) -> dict[str, Neighbour]:
        """Return nothing: an answer rests on what is found alone."""
        return {}

    def _bm25(self, text: str) -> list[float]:
        mean = sum(self.lengths) / len(self.lengths)
        scores = [0.0] * len(self.hits)
        for term in set(terms(text)):
            holding = sum(term in counts for counts in self.counts)
            rarity = math.log(1 + (len(self.hits) - holding + 0.5) / (holding + 0.5))
            for at, counts in enumerate(self.counts):
                found = counts[term]
                spread = found + 1.2 * (0.25 + 0.75 * self.lengths[at] / mean)
                scores[at] += rarity * found * 2.2 / spread if found else 0.0
        return scores


@dataclass
class OneVersion:
    """Every document has the version `v`, and nothing is declared of its collection."""

    def live_index(self, tenant: str) -> IndexRef:
        """Return the only index there is."""
        return IndexRef("", "", "")

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> dict[str, str]:
        """Return `v` for each."""
        return dict.fromkeys(document_ids, "v")

    def declaration(self, tenant: str, name: str) -> None:
        """Return None."""


def chunks_of(folder: Path, embedder: Embedder) -> list[Hit]:
    """Return the chunks of every file in `folder`."""
    hits = []
    for file in sorted(folder.iterdir()):
        pages = extract(file.read_bytes(), file.name, identify).pages
        for chunk in chunk_pages(pages, embedder.count_tokens, embedder.max_tokens):
            known: dict[str, Any] = {
                "document_id": file.name,
                "version": "v",
                "path": file.name,
                "score": 0.0,
            }
            hits.append(Hit(collection="default", **known, **chunk.model_dump(exclude={"n"})))
    return hits


@dataclass(frozen=True)
class Case:
    """A question, the best sentence's support, and whether tier 0 cites what it should."""

    question: str
    answerable: bool
    support: float
    right: bool


def finder_over(models: Path, *folders: Path) -> tuple[Finder, LocalEmbedder]:
    """Return search over the files of `folders`, and what embeds for it."""
    embedder = Embedder.open(models)
    local = LocalEmbedder(embedder)
    hits = [hit for folder in folders for hit in chunks_of(folder, embedder)]
    index, records = ExactIndex(hits, local), OneVersion()
    return Finder(local, records, index, records, records), local


Narrow = Callable[[str, Sequence[answering.Evidence]], Sequence[answering.Evidence]]
"""Returns the sentences that may answer a question."""


def measure(samples: Path, labelled: Path, models: Path, narrow: Narrow = replying) -> list[Case]:
    """Ask every labelled question, with the threshold for refusing put out of the way."""
    finder, local = finder_over(models, samples)
    labels = json.loads(labelled.read_text(encoding="utf-8"))
    asked = [(item["question"], item) for item in labels["answerable"]]
    asked += [(question, None) for question in labels["unanswerable"]]
    return [_case(finder, local, question, label, narrow) for question, label in asked]


def _case(
    finder: Finder,
    embedder: LocalEmbedder,
    question: str,
    label: dict[str, str] | None,
    narrow: Narrow,
) -> Case:
    found = finder.find(Query("tenant", question, None, 10, ""))
    sources = answering.candidates(question, found.passages)
    vectors = embedder.embed([answering.in_context(source) for source in sources], "").vectors
    evidence = narrow(question, answering.weigh(question, found.vector, sources, vectors))
    claims = answering.extract(evidence, floor=0.0)
    right = label is not None and any(
        source.passage.path == label["path"] and label["quotes"] in " ".join(source.text.split())
        for _, source in claims
    )
    support = evidence[0].support if evidence else 0.0
    return Case(question, label is not None, support, right)


def score(cases: Sequence[Case], floor: float) -> dict[str, int]:
    """Return how the cases end where support below `floor` is refused."""
    ends = Counter(
        {"answered rightly": 0, "answered wrongly": 0, "refused wrongly": 0, "refused rightly": 0}
    )
    for case in cases:
        if case.support < floor:
            ends["refused wrongly" if case.answerable else "refused rightly"] += 1
        else:
            ends["answered rightly" if case.right else "answered wrongly"] += 1
    return dict(ends)


def cross_validated(cases: Sequence[Case], folds: int = 5) -> float:
    """Return the share of cases that end well when each fold's threshold comes from the others."""
    well = 0
    for fold in range(folds):
        chosen = best_floor([case for at, case in enumerate(cases) if at % folds != fold])
        well += _well(cases[fold::folds], chosen)
    return well / len(cases)


def best_floor(cases: Sequence[Case]) -> float:
    """Return the threshold that lets most cases end well, the middle one of equals."""
    steps = [step / 200 for step in range(201)]
    most = max(_well(cases, step) for step in steps)
    equals = [step for step in steps if _well(cases, step) == most]
    return equals[len(equals) // 2]


def _well(cases: Sequence[Case], floor: float) -> int:
    ends = score(cases, floor)
    return ends["answered rightly"] + ends["refused rightly"]


def main() -> None:
    """Print the result; with --save write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / "models" / "cache")
    parser.add_argument("--list", action="store_true", help="print every question with its end")
    parser.add_argument("--save", action="store_true", help="write a dated file")
    arguments = parser.parse_args()
    sets = _sets(arguments.models, replying)
    if arguments.list:
        for case in sorted(itertools.chain(*sets.values()), key=lambda case: -case.support):
            print(f"{case.support:.3f} {case.answerable!s:5} {case.right!s:5} {case.question}")
    nearest = _sets(arguments.models, lambda _, evidence: evidence)
    facts = {
        "sentences that can reply": {name: summary(cases) for name, cases in sets.items()},
        "sentences that are near": {name: summary(cases) for name, cases in nearest.items()},
    }
    json.dump(facts, sys.stdout, indent=2)
    print()
    if arguments.save:
        print(save(Result("answering", 1, {}, facts=facts, notes=NOTES)))


NOTES = (
    "Tier 0 alone. Intervals are 95 %, by Wilson.",
    "No threshold or rule was chosen on the near misses that are held out.",
)


def _sets(models: Path, narrow: Narrow) -> dict[str, list[Case]]:
    """Return the cases of each set, and those of the near misses that are held out."""
    sets = {
        name: measure(ROOT / folder, ROOT / "tests" / "data" / labels, models, narrow)
        for name, (folder, labels) in SETS.items()
    }
    near = sets["near misses"]
    answerable = [case for case in near if case.answerable]
    others = [case for case in near if not case.answerable]
    return sets | {"near misses, held out": answerable[1::2] + others[1::2]}


def summary(cases: Sequence[Case]) -> dict[str, Any]:
    """Return what there is to say of one set of questions."""
    ends = score(cases, answering.MIN_SUPPORT)
    answerable = sum(case.answerable for case in cases)
    false = ends["answered wrongly"] - sum(
        case.answerable and case.support >= answering.MIN_SUPPORT and not case.right
        for case in cases
    )
    return {
        "answerable": answerable,
        "unanswerable": len(cases) - answerable,
        "floor": answering.MIN_SUPPORT,
        "ends": ends,
        "answered rightly": share(ends["answered rightly"], answerable),
        "false answers": share(false, len(cases) - answerable),
        "best floor": best_floor(cases),
        "share that ends well": _well(cases, answering.MIN_SUPPORT) / len(cases),
        "share that ends well, cross-validated": cross_validated(cases),
    }


if __name__ == "__main__":
    main()
