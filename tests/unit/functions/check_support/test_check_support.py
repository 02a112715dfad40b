from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from chalicelib.contracts.functions.check_support import (
    CheckRequest,
    CheckResult,
    CheckSource,
    Doubt,
)
from chalicelib.inference.embedder import Embedder
from chalicelib.inference.word_vectors import WordEmbedder
from functions.check_support.core import NEAR, Deps, run
from tests.unit.functions.afresh import answered_afresh

ROOT = Path(__file__).parents[4]
SAMPLE = ROOT / "functions" / "check_support" / "event.json"
PASSAGE = (
    "The landlord carries out structural repairs; the tenant pays for minor repairs up to 80 euros"
    " each. Pets need the landlord's written consent."
)


def deps(models_dir: Path) -> Deps:
    ticks = iter([1.0, 1.25])
    return Deps(WordEmbedder.open(models_dir), lambda: next(ticks))


def check(models_dir: Path, *claims: str, sources: tuple[str, ...] = (PASSAGE,)) -> CheckResult:
    given = tuple(CheckSource(id=at, text=text) for at, text in enumerate(sources))
    return run(CheckRequest(claims=claims, sources=given), deps(models_dir))


def test_it_returns_a_verdict_a_claim_and_what_that_took(models_dir: Path) -> None:
    request = CheckRequest.model_validate_json(SAMPLE.read_text())
    result = run(request, deps(models_dir))
    assert [verdict.supported for verdict in result.verdicts] == [True, False]
    assert result.verdicts[1].reasons == (Doubt.DATE_MISSING,)
    assert {verdict.source for verdict in result.verdicts} == {7}
    assert (result.model, result.seconds) == ("minilm-l6-v2-int8", 0.25)
    assert result.tokens > 40


def test_it_holds_up_a_paraphrase_and_sees_swapped_roles(models_dir: Path) -> None:
    paraphrase, swapped = check(
        models_dir,
        "A dog needs the landlord's consent in writing.",
        "The landlord pays for minor repairs.",
    ).verdicts
    assert paraphrase.supported
    assert PASSAGE[paraphrase.start : paraphrase.end].startswith("Pets need")
    assert Doubt.RELATION_CHANGED in swapped.reasons


def test_it_finds_the_one_source_of_many_that_holds_up_a_claim(models_dir: Path) -> None:
    others = tuple(f"Room {at} of the house has {at} windows." for at in range(1, 40))
    (verdict,) = check(
        models_dir, "Pets need the landlord's written consent.", sources=(*others, PASSAGE)
    ).verdicts
    assert (verdict.supported, verdict.source) == (True, len(others))


def test_it_reads_no_more_sentences_than_it_compares(models_dir: Path) -> None:
    text = " ".join(f"The tower has window {at}." for at in range(1, 200))
    result = check(models_dir, "The tower has a window.", sources=(text,))
    longest = 12
    assert result.tokens <= (NEAR + 1) * longest


def test_it_takes_texts_that_say_nothing(models_dir: Path) -> None:
    result = check(models_dir, "", "...", "?!", sources=("***", PASSAGE))
    assert [verdict.supported for verdict in result.verdicts] == [False] * 3


def test_a_request_beyond_the_limits_names_the_field() -> None:
    with pytest.raises(ValidationError, match="sources"):
        CheckRequest(claims=("a",), sources=())
    with pytest.raises(ValidationError, match="claims"):
        CheckRequest(claims=("a",) * 65, sources=(CheckSource(id=0, text="a"),))


def test_revealing_the_words_leaves_the_text_s_own_vector_as_it_is(models_dir: Path) -> None:
    text = "The headrace feeds the wheel."
    read = WordEmbedder.open(models_dir).read(text, [(4, 12), (13, 18)])
    (vector,) = Embedder.open(models_dir).embed([text])
    assert read.whole.tolist() == vector.tolist()
    assert read.words.shape == (2, 384)
    assert read.likeness(read)[0][0] == pytest.approx(1.0)


def test_words_beyond_the_model_s_length_are_like_nothing(models_dir: Path) -> None:
    text = "river " * 300
    spans = [(at * 6, at * 6 + 5) for at in range(300)]
    read = WordEmbedder.open(models_dir).read(text, spans)
    likeness = read.likeness(read)
    assert likeness[0][0] == pytest.approx(1.0)
    assert likeness[299] == [0.0] * 300


def test_a_fresh_process_answers_the_sample_without_boto3(models_dir: Path) -> None:
    answer = answered_afresh("check_support", models_dir)
    assert len(CheckResult.model_validate(answer).verdicts) == 2
