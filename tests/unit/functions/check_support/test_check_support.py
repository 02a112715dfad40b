from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from chalicelib.contracts.functions.check_support import (
    CheckRequest,
    CheckResult,
    CheckSource,
    Doubt,
)
from chalicelib.errors import ModelFailure
from chalicelib.inference.pair_encoder import (
    DIMENSIONS,
    MAX_CLAIM_TOKENS,
    MAX_TOKENS,
    MODEL,
    PairEncoder,
)
from chalicelib.retrieval.answer.support.head import parse_support_head
from functions.check_support.core import Deps, run
from functions.check_support.handler import HEAD
from tests.unit.functions.afresh import answered_afresh

ROOT = Path(__file__).parents[4]
SAMPLE = ROOT / "functions" / "check_support" / "event.json"
PASSAGE = (
    "The landlord carries out structural repairs; the tenant pays for minor repairs up to 80 euros"
    " each. Pets need the landlord's written consent."
)


def deps(models_dir: Path) -> Deps:
    ticks = iter([1.0, 1.25])
    head = parse_support_head(HEAD.read_text("utf-8"), DIMENSIONS)
    return Deps(PairEncoder.open(models_dir), head, lambda: next(ticks))


def check(models_dir: Path, *claims: str, sources: tuple[str, ...] = (PASSAGE,)) -> CheckResult:
    given = tuple(CheckSource(id=at, text=text) for at, text in enumerate(sources))
    return run(CheckRequest(claims=claims, sources=given), deps(models_dir))


def test_it_returns_a_verdict_a_claim_and_what_that_took(models_dir: Path) -> None:
    request = CheckRequest.model_validate_json(SAMPLE.read_text())
    result = run(request, deps(models_dir))
    assert [verdict.supported for verdict in result.verdicts] == [True, False]
    assert result.verdicts[1].reasons == (Doubt.DATE_MISSING,)
    assert {verdict.source for verdict in result.verdicts} == {7}
    assert (result.model, result.seconds) == (MODEL, 0.25)
    assert result.tokens > 20


def test_it_holds_up_paraphrases_and_refuses_what_turns_them_round(models_dir: Path) -> None:
    result = check(
        models_dir,
        "Pets are only allowed if the landlord agrees in writing.",
        "The landlord pays for minor repairs.",
        "Pets do not need the landlord's written consent.",
        "The tenant pays for minor repairs up to 90 euros.",
    )
    paraphrase, swapped, negated, number = result.verdicts
    assert paraphrase.supported
    assert PASSAGE[paraphrase.start : paraphrase.end].endswith("written consent.")
    assert swapped.reasons == negated.reasons == (Doubt.NOT_COVERED,)
    assert number.reasons == (Doubt.NUMBER_MISSING,)


def test_it_finds_the_one_source_of_many_that_holds_up_a_claim(models_dir: Path) -> None:
    others = tuple(f"Room {at} of the house has {at} windows." for at in range(1, 40))
    (verdict,) = check(
        models_dir, "Pets need the landlord's written consent.", sources=(*others, PASSAGE)
    ).verdicts
    assert (verdict.supported, verdict.source) == (True, len(others))


def test_it_takes_texts_that_say_nothing(models_dir: Path) -> None:
    result = check(models_dir, "", "...", "?!", sources=("***", PASSAGE))
    assert [verdict.supported for verdict in result.verdicts] == [False] * 3
    assert result.tokens == 0


def test_a_request_beyond_the_limits_names_the_field() -> None:
    with pytest.raises(ValidationError, match="sources"):
        CheckRequest(claims=("a",), sources=())
    with pytest.raises(ValidationError, match="claims"):
        CheckRequest(claims=("a",) * 65, sources=(CheckSource(id=0, text="a"),))


class ShortSighted(PairEncoder):
    """The encoder, for which every claim is too long."""

    def reads_whole(self, claim: str) -> bool:
        return False


def test_a_claim_that_is_not_read_to_its_end_is_not_supported(models_dir: Path) -> None:
    claim = "Pets are only allowed if the landlord agrees in writing."
    told = replace(deps(models_dir), encoder=ShortSighted.open(models_dir))
    request = CheckRequest(claims=(claim,), sources=(CheckSource(id=0, text=PASSAGE),))
    (verdict,) = run(request, told).verdicts
    assert verdict.reasons == (Doubt.NOT_COVERED,)
    assert verdict.score < 1e-9
    assert not PairEncoder.open(models_dir).reads_whole("a1 " * MAX_CLAIM_TOKENS)


def test_a_premise_is_cut_to_what_the_claim_leaves(models_dir: Path) -> None:
    encoder = PairEncoder.open(models_dir)
    premise, claim = "river " * 400, "The river is wide."
    pair = encoder.read(premise, claim)
    assert (pair.tokens, pair.values.shape) == (MAX_TOKENS, (DIMENSIONS,))
    assert encoder.read("A river.", claim).tokens < 16


def test_a_folder_without_the_model_names_the_command_that_gets_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match=f"headrace models pull {MODEL}"):
        PairEncoder.open(tmp_path)


def test_a_head_of_another_model_is_refused() -> None:
    written = json.dumps({"weights": [0.5] * 3, "bias": 0.0, "threshold": 0.0})
    assert parse_support_head(written, 3).odds([1.0, 2.0, 3.0]) == 3.0
    with pytest.raises(ValueError, match="3 weights, and vectors have 384"):
        parse_support_head(written, DIMENSIONS)


def test_a_fresh_process_answers_the_sample_without_boto3(models_dir: Path) -> None:
    answer = answered_afresh("check_support", models_dir)
    assert len(CheckResult.model_validate(answer).verdicts) == 2
