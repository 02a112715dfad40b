"""Questions about documents put to the local Bedrock by what answers every call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.adapters.models.bedrock import BedrockCaller
from chalicelib.budgets.spender import Spender
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.executor import Generator
from chalicelib.generation.model_file import served_models
from chalicelib.generation.receipts import CostModel
from chalicelib.retrieval.answer.passage_writer import PassageLimits, PassageWriter
from tests.unit.generation.fakes import House
from tests.unit.retrieval.fakes import hit

SECONDS = 100


def test_should_word_an_answer_from_passages_by_the_stage_s_model(
    client: Callable[[str], Any],
) -> None:
    house = House({})
    stage = replace(
        house.generator.deps,
        models=served_models(),
        cost_model=CostModel(served_models(), catalogue().prices),
        backends={
            "bedrock": BedrockCaller(lambda *_: client("bedrock-runtime"), SECONDS),
        },
    )
    writer = PassageWriter(
        lambda: Generator(stage),
        "us.amazon.nova-micro-v1:0",
        PassageLimits(8_000, 1_500),
        seconds=SECONDS,
        monotonic=lambda: 0.0,
    )
    passages = [hit("The turbine was made by Voss Hydro in 2011.")]
    asking = Spender("acme", "ab12")
    reply = writer.write("Who made the turbine?", passages, asking, writer.deadline())
    assert "Voss" in reply.text
    (line,) = reply.lines
    assert (line.model, line.priced_as) == ("smollm2-135m-instruct-q4_1", "amazon.nova-micro-v1:0")
    assert line.tokens_in > len(passages[0].text.split())
    (used,) = house.purse.spent
    assert (used.tokens_in, used.tokens_out) == (line.tokens_in, line.tokens_out)
