"""Outcomes of labelled questions, right and wrong: `python -m benchmarks answering`.

The sample documents go through the product's own reading, chunking and embedding, in this
process; an exact hybrid index (cosine and BM25, fused by reciprocal rank) stands in for
S3 Vectors. No language model takes part: tier 0 is measured. `python -m benchmarks.answering`
lists the questions.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ends import Case, curve, summary
from benchmarks.reporting import Result
from benchmarks.summary_answers import NEAR, OUTCOMES, WAY
from chalicelib.contracts.functions.embed_text import EmbedTextRequest, EmbedTextResult
from chalicelib.contracts.indexes import TERMS_SUFFIX, IndexRef
from chalicelib.contracts.search import Hit, Neighbour, Scores, TextScore, VectorScore
from chalicelib.inference.embedder import Embedder
from chalicelib.inference.word_vectors import WordEmbedder
from chalicelib.retrieval.answer import evidence
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.nearest import best_windows
from chalicelib.retrieval.answer.outcome import decide_outcome, possible_answers
from chalicelib.retrieval.search.filters import IndexFilter
from chalicelib.retrieval.search.fusion import (
    RANK_CONSTANT,
    IndexScores,
    ScoreFusion,
    term_coverage,
)
from chalicelib.retrieval.search.query import Query
from chalicelib.retrieval.search.searcher import Searcher
from chalicelib.retrieval.text.chunks import chunk_pages
from chalicelib.retrieval.text.passage_context import passage_context, with_context
from chalicelib.retrieval.text.search_terms import passage_terms
from functions.embed_text import core as embed_text
from functions.read_document.extraction import extract
from functions.read_document.file_types.detection import identify_by_magika

ROOT = Path(__file__).parent.parent
SETS = {
    "samples": ("samples", "questions.json"),
    "near misses": ("samples", "questions_near.json"),
    "leaflets": ("tests/data/leaflets", "questions_leaflets.json"),
    "project": ("tests/data/project", "questions_project.json"),
}
"""The documents and the labelled questions about them."""
FOREIGN = 3
"""Of the questions about other documents, every third is asked: none has its answer here."""
SPLIT = ("near misses", "leaflets")
"""Sets whose every second question is held out."""


@dataclass
class LocalEmbedder:
    """The embedding function's model, in this process."""

    embedder: Embedder
    reader: WordEmbedder

    @classmethod
    def open(cls, models: Path) -> LocalEmbedder:
        """Return the model in `models`, for whole texts and for single words."""
        return cls(Embedder.open(models), WordEmbedder.open(models))

    def compare(self, question: str, texts: Sequence[str], correlation_id: str) -> EmbedTextResult:
        """Return one vector and one comparison with the question per text."""
        request = EmbedTextRequest(texts=tuple(texts), question=question, truncate=True)
        deps = embed_text.Deps(lambda _: self.embedder, lambda: self.reader, time.perf_counter)
        return embed_text.run(request, deps)

    def embed(self, texts: Sequence[str], correlation_id: str, model: str = "") -> EmbedTextResult:
        """Return one vector per text."""
        vectors, tokens = self.embedder.embed_counted(texts, truncate=True)
        return EmbedTextResult(
            vectors=tuple(tuple(vector) for vector in vectors.tolist()),
            model=self.embedder.model,
            tokens=tokens,
            seconds=0.0,
        )


class ExactIndex:
    """Index of every chunk, ranked by cosine and by BM25 of terms, fused as the product does."""

    def __init__(self, hits: Sequence[Hit], embedder: LocalEmbedder) -> None:
        self.hits = hits
        self.vectors = embedder.embed([_embedded_text(hit, embedder) for hit in hits], "").vectors
        self.counts = [
            Counter(passage_terms(hit.text, hit.heading, hit.path, "en").split()) for hit in hits
        ]
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
        near = [evidence.cosine(vector, other) for other in self.vectors]
        by_words = self._bm25(text)
        ranks = [0.0] * len(self.hits)
        for scores in (near, by_words):
            order = sorted(range(len(scores)), key=lambda at: -scores[at])
            for rank, at in enumerate(order, start=1):
                if scores[at] > 0:
                    ranks[at] += 1 / (RANK_CONSTANT + rank)
        chosen = sorted(range(len(ranks)), key=lambda at: -ranks[at])[:count]
        told = {
            at: IndexScores(
                near[at],
                by_words[at] or None,
                ranks[at],
                term_coverage(set(text.split()), " ".join(self.counts[at])),
            )
            for at in chosen
        }
        fusion = ScoreFusion.of(list(told.values()))
        fused = {at: fusion.score(scores) for at, scores in told.items()}
        order = sorted(chosen, key=lambda at: -fused[at])
        return [
            self.hits[at].model_copy(update={"score": fused[at], "scores": _scores(told[at])})
            for at in order
        ]

    def chunks(self, index: IndexRef, keys: Sequence[str]) -> dict[str, Neighbour]:
        """Return nothing: an answer relies on the search results alone."""
        return {}

    def _bm25(self, text: str) -> list[float]:
        mean = sum(self.lengths) / len(self.lengths)
        scores = [0.0] * len(self.hits)
        for term in set(text.split()):
            holding = sum(term in counts for counts in self.counts)
            rarity = math.log(1 + (len(self.hits) - holding + 0.5) / (holding + 0.5))
            for at, counts in enumerate(self.counts):
                frequency = counts[term]
                spread = frequency + 1.2 * (0.25 + 0.75 * self.lengths[at] / mean)
                scores[at] += rarity * frequency * 2.2 / spread if frequency else 0.0
        return scores


def _scores(found: IndexScores) -> Scores:
    """Return the scores as a hit of the index has them: answers are chosen by them, too."""
    return Scores(
        vector=VectorScore(similarity=found.similarity) if found.similarity is not None else None,
        text=TextScore(bm25=found.bm25) if found.bm25 is not None else None,
    )


def _embedded_text(hit: Hit, embedder: LocalEmbedder) -> str:
    model = embedder.embedder
    context = passage_context(hit.path, hit.heading)
    return with_context(context, hit.text, model.count_tokens, model.max_tokens)


@dataclass
class OneVersion:
    """Store in which every document has the version `v` and no collection is declared."""

    def live_index(self, tenant: str) -> IndexRef:
        """Return the only index."""
        return IndexRef("", TERMS_SUFFIX, "")

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> dict[str, str]:
        """Return `v` for each document."""
        return dict.fromkeys(document_ids, "v")

    def declaration(self, tenant: str, name: str) -> None:
        """Return None."""


def chunks_of(folder: Path, embedder: Embedder) -> list[Hit]:
    """Return the chunks of every file in `folder`."""
    hits = []
    for file in sorted(folder.iterdir()):
        pages = extract(file.read_bytes(), file.name, identify_by_magika).pages
        for chunk in chunk_pages(pages, embedder.count_tokens, embedder.max_tokens):
            known: dict[str, Any] = {
                "document_id": file.name,
                "version": "v",
                "path": file.name,
                "score": 0.0,
            }
            hits.append(Hit(collection="default", **known, **chunk.model_dump(exclude={"n"})))
    return hits


def finder_over(models: Path, *folders: Path) -> tuple[Searcher, LocalEmbedder]:
    """Return search over the files of `folders`, and its embedder."""
    local = LocalEmbedder.open(models)
    embedder = local.embedder
    hits = [hit for folder in folders for hit in chunks_of(folder, embedder)]
    index, records = ExactIndex(hits, local), OneVersion()
    return Searcher(local, records, index, records, records), local


@dataclass(frozen=True)
class AskedQuestion:
    """A labelled question, its passages, and their weighed sentences; off-topic if `is_foreign`."""

    label: Mapping[str, str]
    weighed: Sequence[evidence.Evidence]
    held_out: bool
    is_foreign: bool = False


Claims = Sequence[tuple[str, SourceSentence]]
Answer = Callable[[str, Sequence[evidence.Evidence]], tuple[float, Claims]]
"""Returns how far the likeliest answer to a question is above the threshold, and its claims."""


def ask_all(name: str, models: Path) -> list[AskedQuestion]:
    """Ask every question of a set, and every third answerable one of the other documents."""
    folder, file = SETS[name]
    searcher, local = finder_over(models, ROOT / folder)
    labels = _labels(file)
    unanswerable = [{"question": question} for question in labels["unanswerable"]]
    asked = []
    for questions in (labels["answerable"], unanswerable):
        for at, label in enumerate(questions):
            weighed = _weighed(searcher, local, label["question"])
            asked.append(AskedQuestion(label, weighed, name in SPLIT and at % 2 == 1))
    for other_folder, other_file in SETS.values():
        for label in _labels(other_file)["answerable"][::FOREIGN] * (other_folder != folder):
            weighed = _weighed(searcher, local, label["question"])
            foreign = {"question": label["question"]}
            asked.append(AskedQuestion(foreign, weighed, held_out=False, is_foreign=True))
    return asked


def _labels(file: str) -> dict[str, Any]:
    labels: dict[str, Any] = json.loads((ROOT / "tests" / "data" / file).read_text("utf-8"))
    return labels


def cases_of(asked: Sequence[AskedQuestion], answer: Answer) -> list[Case]:
    """Return the result of every question of a set with one way to answer.

    The threshold for refusing is disabled: a case keeps its margin.
    """
    return [
        _case(each.label, *answer(each.label["question"], each.weighed), each.held_out)
        for each in asked
        if not each.is_foreign
    ]


def _weighed(
    searcher: Searcher, embedder: LocalEmbedder, question: str
) -> Sequence[evidence.Evidence]:
    results = searcher.search(Query("tenant", question, None, 10, ""))
    return weigh_passages(embedder, question, results.passages)


def weigh_passages(
    embedder: LocalEmbedder, question: str, passages: Sequence[Hit], put: str = ""
) -> list[evidence.Evidence]:
    """Return the segments of passages with their support, as the product weighs them.

    `put` is a follow-up question as it was put, before it was rewritten.
    """
    candidates = evidence.select_candidates(question, passages)
    if not candidates:
        return []
    texts = [evidence.text_to_embed(candidate.source) for candidate in candidates]
    compared = embedder.compare(question, [*texts, *([put] * bool(put))], "")
    original = evidence.OriginalQuestion(put, compared.vectors[-1]) if put else None
    return evidence.weigh_evidence(question, candidates, compared, original)


def _case(label: Mapping[str, str], margin: float, claims: Claims, held_out: bool) -> Case:
    right = "path" in label and any(_holds(label, source) for _, source in claims)
    return Case(label["question"], "path" in label, margin, right, held_out)


def _by_odds(question: str, weighed: Sequence[evidence.Evidence]) -> tuple[float, Claims]:
    """Return the answer of the product."""
    answers = possible_answers(question, weighed)
    best = max(answers, key=lambda answer: answer.margin, default=None)
    return (best.margin, best.claims) if best is not None else (-math.inf, ())


def _by_nearness(_: str, weighed: Sequence[evidence.Evidence]) -> tuple[float, Claims]:
    """Return the sentences with the most support, if it is as much as a reply needs."""
    support = weighed[0].support if weighed else 0.0
    return support - evidence.MIN_SUPPORT, evidence.extract_claims(weighed, floor=0.0)


WAYS: Mapping[str, Answer] = {WAY: _by_odds, NEAR: _by_nearness}


def measure(repetitions: int = 1, models: Path = ROOT / "models" / "cache") -> Result:
    """Ask every set of questions once: the results do not vary."""
    sets = {name: ask_all(name, models) for name in SETS}
    facts: dict[str, Any] = {
        way: _by_set({name: cases_of(asked, answer) for name, asked in sets.items()})
        for way, answer in WAYS.items()
    }
    facts[OUTCOMES] = {name: count_outcomes(asked) for name, asked in sets.items()}
    return Result("answering", 1, {}, facts=facts, notes=NOTES)


def count_outcomes(asked: Sequence[AskedQuestion]) -> dict[str, Any]:
    """Return how many questions of each kind have each outcome, as the product decides it.

    An answer is right if a citation points into the right file and quotes the fact; a nearest
    passage holds the answer if it does the same.
    """
    kinds: dict[str, Counter[str]] = {}
    for each in asked:
        kind = "off-topic" if each.is_foreign else _kind(each.label)
        for name in (kind, *((f"{kind}, held out",) if each.held_out else ())):
            kinds.setdefault(name, Counter())[_outcome(each)] += 1
    return {name: dict(sorted(counts.items())) for name, counts in kinds.items()}


def _kind(label: Mapping[str, str]) -> str:
    return "answerable" if "path" in label else "unanswerable"


def _outcome(asked: AskedQuestion) -> str:
    decision = decide_outcome(asked.label["question"], asked.weighed)
    if decision.outcome == "not_found":
        return "not found"
    if decision.outcome == "answered":
        sources = [source for _, source in decision.claims]
    else:
        sources = [window.source for window in best_windows(decision.ranked)]
    if "path" not in asked.label:
        return decision.outcome
    right = any(_holds(asked.label, source) for source in sources)
    if decision.outcome == "answered":
        return "answered rightly" if right else "answered beside the point"
    return "nearest with the answer" if right else "nearest without the answer"


def _holds(label: Mapping[str, str], source: SourceSentence) -> bool:
    same_file = source.passage.path == label["path"]
    return same_file and label["quotes"] in " ".join(source.text.split())


def _by_set(sets: Mapping[str, Sequence[Case]]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, cases in sets.items():
        held_out = [case for case in cases if case.held_out]
        figures[name] = summary(cases) | ({"held out": summary(held_out)} if held_out else {})
    split = [case for name in SPLIT for case in sets[name]]
    return figures | {"curve over near misses and leaflets": curve(split)}


NOTES = (
    "Tier 0 alone. Intervals are 95 %, by Wilson.",
    "No threshold or rule was chosen on what is held out.",
    "Off-topic are questions about the documents of other sets.",
)


def main() -> None:
    """Print every question with its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / "models" / "cache")
    parser.add_argument("--all", action="store_true", help="those that are held out, too")
    arguments = parser.parse_args()
    for name in SETS:
        print(f"\n{name}")
        asked = ask_all(name, arguments.models)
        for kind, counts in count_outcomes(asked).items():
            print(f"  {kind}: {counts}")
        cases = cases_of(asked, _by_odds)
        shown = [case for case in cases if arguments.all or not case.held_out]
        for case in sorted(shown, key=lambda case: -case.margin):
            print(f"{case.margin:+.3f} {case.answerable!s:5} {case.right!s:5} {case.question}")


if __name__ == "__main__":
    main()
