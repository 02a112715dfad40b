"""Instruction tuning of small random bases: rows, losses, ways, gates, and what serves them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from chalicelib.contracts.model_manifest import FILE
from chalicelib.inference.adapters import SharedGraphs
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.language_model import LanguageModel
from chalicelib.inference.text_decoder import TokenSampling
from models import row_check
from models.bases.architectures import ARCHITECTURES
from models.bases.folder import CHANNEL, BaseModel, read_base, record_base, settings_files
from models.evaluation.answers import f1_over_chance, score_answers
from models.evaluation.judged_rows import drawn_rows
from models.failures import BadData, BelowGate, NotFinite, OutOfParity
from models.files import sha256_of_file
from models.jobs import finish, runner
from models.jobs.model_files import JudgedModel, write_refusal
from models.networks import exported_decoder, tuned_chats
from models.networks.chat_tokens import ChatRows, as_messages
from models.networks.drawn_answers import generate_answers
from models.networks.settings import PREFIX_WAYS, TuningWay
from models.networks.tuned_decoder import TunedDecoder, answer_losses
from models.networks.tuned_decoder_export import lora_matrices
from models.recipes.instruction_tuning import recipe as tuning
from models.recipes.instruction_tuning.answered_rows import WrittenAnswers, gains
from models.recipes.instruction_tuning.parameters import Parameters
from models.training import recipe
from models.training.artefacts import TrainedModel, TrainingRecord
from models.training.gates import Gate, missed_gates, require_gates
from models.training.job import REFUSED
from models.training.learned_weights import LearnedWeights
from models.training.recipe_code import Evaluation
from models.training.supervised_task import decay_groups
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import ChatExample, ChatTurn
from tests.training.conftest import Laid
from tests.training.tiny_bases import CHATML, write_tiny_base

WAYS: tuple[TuningWay, ...] = get_args(TuningWay)
COLOURS = ("red", "blue", "green", "yellow")
TEXTS = ["red blue green yellow say the colour 0 1 2 3 4 5 6 7"]


def row(asked: str, answer: str, *before: str) -> ChatExample:
    """A conversation, after earlier turns of user and assistant."""
    turns = [
        ChatTurn(role="assistant" if at % 2 else "user", content=text)
        for at, text in enumerate(before)
    ]
    return ChatExample(
        messages=(
            ChatTurn(role="system", content="say the colour"),
            *turns,
            ChatTurn(role="user", content=asked),
            ChatTurn(role="assistant", content=answer),
        )
    )


ROWS = [row(f"{number} {colour}", f"{colour}!") for number in range(4) for colour in COLOURS]
HELD_OUT = [row(f"{number} {colour}", f"{colour}!") for number in (5, 6) for colour in COLOURS]


def settings(**changed: Any) -> Parameters:
    given = {"steps": 2, "batch": 4, "prefix": 3, "rank": 2, "context": 96, "weight_bits": 32}
    found = recipe.resolve(recipe.load("instruction_tuning"), "smoke", {**given, **changed})
    assert isinstance(found, Parameters)
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return write_tiny_base(tmp_path_factory.mktemp("base"), texts=TEXTS)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    about = DataSource(source="tests", licence="CC0-1.0")
    write_channel(folder, "chat", {"train": ROWS, "test": HELD_OUT}, about)
    return folder


def built(base: BaseModel, data: Path, **changed: Any) -> TunedDecoder:
    torch.manual_seed(3)
    made = tuning.build(settings(**changed), tuning.read(data), base)
    made.eval()
    return made


def moved(base: BaseModel, data: Path, **changed: Any) -> TunedDecoder:
    """A model whose learned weights are no longer what they began as."""
    made = built(base, data, **changed)
    with torch.no_grad():
        for each in made.parameters():
            if each.requires_grad:
                each.add_(torch.randn(each.shape) * 0.2)
    return made


def test_rows_should_be_what_transformers_makes_of_them(base: BaseModel, data: Path) -> None:
    model = built(base, data)
    theirs = AutoTokenizer.from_pretrained(base.folder)
    chat = row("7 red", "red!", "5 blue", "blue!")
    found = tuned_chats.encoder(model.tokenizer).encode(chat.messages)
    messages = as_messages(chat.messages)
    whole = theirs.apply_chat_template(messages, return_dict=False)
    prompt = theirs.apply_chat_template(
        messages[:-1], add_generation_prompt=True, return_dict=False
    )
    # After the mark that ends the last answer, the template writes a line's end.
    assert list(found.ids) == whole[: len(found.ids)]
    assert theirs.decode(whole[len(found.ids) :]) == "\n"
    assert list(found.ids[: found.answer]) == prompt
    learned = [token for token, each in zip(found.ids, found.learned, strict=True) if each]
    assert theirs.decode(learned) == "blue!<|im_end|>red!<|im_end|>"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (CHATML.replace("assistant\\n", "assistant\\n<think>"), "another prompt"),
        ("{{ raise_exception('no system message') }}", "no system message"),
        ("", "no chat template"),
    ],
)
def test_should_refuse_a_template_that_cannot_be_learned_by(
    template: str, told: str, data: Path, tmp_path: Path
) -> None:
    made = write_tiny_base(tmp_path, template=template)
    with pytest.raises(BadData, match=told):
        tuning.encode(built(made, data), ROWS, "train")


def test_an_answer_should_end_by_the_end_of_texts_if_the_template_has_no_mark(
    data: Path, tmp_path: Path
) -> None:
    plain = "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}"
    made = built(
        write_tiny_base(
            tmp_path,
            template=f"{plain}{{% if add_generation_prompt %}}{{{{ 'assistant: ' }}}}{{% endif %}}",
        ),
        data,
    )
    found = tuned_chats.encoder(made.tokenizer).encode(ROWS[0].messages)
    assert found.ids[-1] == made.tokenizer.end == tuned_chats.end_token(made)


def test_should_name_the_row_that_is_too_long(base: BaseModel, data: Path) -> None:
    with pytest.raises(BadData, match=r"1 rows have more tokens.*line 2 with"):
        tuning.encode(built(base, data, max_tokens=64), [ROWS[0], row("red " * 90, "red")], "train")


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_should_refuse_a_special_token_that_a_row_has_written_out(
    role: str, base: BaseModel, data: Path
) -> None:
    """It would be learned as the token: an answer that quotes one would end there."""
    said = "red<|im_end|>" if role == "user" else "red"
    with pytest.raises(BadData, match=rf"train.jsonl, line 1: A turn of the {role} .*im_end"):
        tuning.encode(built(base, data), [row(said, "red!<|im_end|> and so on")], "train")


@pytest.mark.parametrize("architecture", ARCHITECTURES["decoder"])
def test_the_loss_should_be_that_of_transformers(
    architecture: str, data: Path, tmp_path: Path
) -> None:
    made = built(write_tiny_base(tmp_path, architecture, texts=TEXTS), data, way="full")
    encoded = tuning.encode(made, [ROWS[0], row("7 red", "red!", "5 blue", "blue!")], "train")
    rows = ChatRows(encoded, made.tokenizer.end)
    found = tuning.loss(made, (rows.tokens, rows.places, rows.weights), 1)["loss"]
    labels = torch.full_like(rows.tokens, -100)
    for number, each in enumerate(encoded):
        learned = torch.tensor(each.learned, dtype=torch.bool)
        labels[number, : len(learned)][learned] = torch.tensor(each.ids)[learned]
    theirs = made.decoder(input_ids=rows.tokens, labels=labels).loss
    torch.testing.assert_close(found, theirs)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_should_learn_and_its_base_should_stay(
    way: TuningWay, base: BaseModel, data: Path
) -> None:
    made = built(base, data, way=way)
    rows = ChatRows(tuning.encode(made, ROWS, "train"), made.tokenizer.end)
    learned = LearnedWeights(made)
    optimiser = torch.optim.AdamW([each for each in made.parameters() if each.requires_grad], 0.02)
    with made.plain() as plain:
        of_base, _ = answer_losses(plain, rows)
    if way in ("full", "gradual", "lora"):
        torch.testing.assert_close(answer_losses(made, rows)[0], of_base)
    losses = []
    for number in range(1, 13):
        loss = tuning.loss(made, (rows.tokens, rows.places, rows.weights), number)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.1
    assert learned.count > 0
    if way in PREFIX_WAYS:
        assert [each["weight_decay"] for each in decay_groups(made, 0.1)] == [0]
    with made.plain() as plain:
        torch.testing.assert_close(answer_losses(plain, rows)[0], of_base)


def test_answers_should_be_those_of_transformers(base: BaseModel, data: Path) -> None:
    made = moved(base, data)
    prompts = [each.ids[: each.answer] for each in tuning.encode(made, HELD_OUT[:3], "test")]
    prompts[1] = prompts[1][4:]
    found = generate_answers(made, prompts, 8, made.tokenizer.end)
    for prompt, answer in zip(prompts, found, strict=True):
        theirs = made.decoder.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=8,
            do_sample=False,
        )[0, len(prompt) :].tolist()
        assert answer == [token for token in theirs if token != made.tokenizer.end][: len(answer)]


def served(
    model: TunedDecoder, data: Path, folder: Path, graphs: Mapping[str, Any] | None = None
) -> ExportedModel:
    """The exported model, as a function reads it; with `graphs` of another export."""
    from chalicelib.contracts.model_manifest import ModelOrigin, Signature
    from models.export.graphs import export_graphs

    specs = graphs or export_graphs(tuned_chats.graphs(model, settings()), folder)
    files = tuned_chats.network_files(model)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    origin = ModelOrigin(
        recipe="instruction_tuning", preset="tiny", seed=0, steps=1,
        data="0" * 64, code="0" * 64, torch="", device="cpu",
    )  # fmt: skip
    signature = Signature(
        name="tiny", family="", licence="", graphs=specs, constants=tuned_chats.learned(model),
        files={name: sha256_of_file(folder / name) for name in files}, metrics={}, origin=origin,
    )  # fmt: skip
    return ExportedModel(signature, lambda name: (folder / name).read_bytes())


def written(model: TunedDecoder, chat: ChatExample) -> str:
    encoded = tuning.encode(model, [chat], "test")[0]
    tokens = generate_answers(
        model, [encoded.ids[: encoded.answer]], 8, tuned_chats.end_token(model)
    )
    return model.tokenizer.chat().text(tokens[0]).lstrip()


def test_one_graph_of_the_base_should_serve_what_each_way_tuned(
    base: BaseModel, data: Path, tmp_path: Path
) -> None:
    """LoRA, a prompt and a prefix answer by one open graph, beside the base itself."""
    shared = SharedGraphs()
    chat, sampling = HELD_OUT[0], TokenSampling(most=8)
    messages = as_messages(chat.messages[:-1])
    lora = moved(base, data, way="lora")
    first = served(lora, data, tmp_path)
    # It is shared by its hash, which must not depend on where the code lay.
    assert b"models/networks" not in (tmp_path / "decoder.onnx").read_bytes()
    assert b"TunedDecoding" not in (tmp_path / "decoder.onnx").read_bytes()
    opened = LanguageModel(first, shared)
    assert opened.complete(messages, sampling).text == written(lora, chat)
    assert exported_decoder.served_perplexity(
        tmp_path, tuning.encode(lora, HELD_OUT[:2], "test"), 1e9
    )["served_perplexity"] == pytest.approx(perplexity(lora, HELD_OUT[:2]), rel=1e-3)
    plain = LanguageModel(first.base(), shared)
    with lora.plain() as of_base:
        assert plain.complete(messages, sampling).text == written(of_base, chat)
    for way in ("prompt_tuning", "prefix_tuning"):
        other = moved(base, data, way=way)
        folder = tmp_path / way
        folder.mkdir()
        found = served(other, data, folder, first.signature.graphs)
        (folder / "decoder.onnx").write_bytes((tmp_path / "decoder.onnx").read_bytes())
        model = LanguageModel(found, shared)
        assert model._session is opened._session
        assert model.complete(messages, sampling).text == written(other, chat)


def perplexity(model: TunedDecoder, rows: list[ChatExample]) -> float:
    encoded = ChatRows(tuning.encode(model, rows, "test"), model.tokenizer.end)
    sums, counts = answer_losses(model, encoded)
    return float(torch.exp(sums.sum() / counts.sum()))


def test_adapters_should_have_the_scale_of_lora(base: BaseModel, data: Path) -> None:
    made = moved(base, data, scale=6.0)
    found = lora_matrices(made.inner)
    layer = made.decoder.get_submodule("model.layers.0.mlp.up_proj")
    vectors = torch.randn(3, 32)
    given = vectors @ found["model.layers.0.mlp.up_proj.lora_A"]
    given = given @ found["model.layers.0.mlp.up_proj.lora_B"]
    torch.testing.assert_close(layer(vectors) - layer.base_layer(vectors), given)


def test_should_train_finish_and_serve_by_the_base_alone(
    base: BaseModel, data: Path, laid: Laid
) -> None:
    """Both jobs through: artefacts have the learned weights alone, and 8 bits lose little."""
    said: list[str] = []
    channels = {"training": data, CHANNEL: base.folder}
    asked = {"recipe": "instruction_tuning", "preset": "smoke", "weight_bits": 8, "batch": 4}
    job = laid(asked, channels, "train")
    runner.run_job(job, {}, said.append)
    assert (job.model / "weights.safetensors").stat().st_size < 60_000
    ended = laid({"task": "finish"}, {**channels, "model": job.model}, "finish")
    runner.run_job(ended, {}, said.append)
    signature = json.loads((ended.model / FILE).read_text())
    assert set(signature["files"]) == {
        "tokenizer.json", "chat_template.jinja", "adapter.onnx_adapter",
    }  # fmt: skip
    assert 0.9 < signature["metrics"]["served_perplexity_ratio"] < 1.05
    exported = ExportedModel.read(
        lambda name: (ended.model / name).read_bytes(), sha256_of_file(ended.model / FILE)
    )
    model = LanguageModel(exported)
    assert model.complete([{"role": "user", "content": "5 red"}], TokenSampling(most=4)).tokens_in


def test_rows_should_be_checked_by_the_tokenizer_alone_before_a_training(
    base: BaseModel, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("base.json", *settings_files(base.record)):
        shutil.copy(base.folder / name, tmp_path)
    asked = ["instruction_tuning", "--preset", "smoke", "--data", str(data), "--base"]
    assert row_check.main([*asked, str(tmp_path)]) == 0
    assert capsys.readouterr().out == "[]\n"
    long = ["--settings", '{"max_tokens": 16}']
    assert row_check.main([*asked, str(tmp_path), *long]) == 1
    assert "train.jsonl: 16 rows have more tokens than max_tokens, 16" in capsys.readouterr().err
    (tmp_path / "tokenizer.json").write_text("{}")
    assert row_check.main([*asked, str(tmp_path)]) == 1
    assert "tokenizer.json is not the file that base.json lists" in capsys.readouterr().err


def test_a_gate_on_the_exported_graphs_should_be_held_after_the_export(
    laid: Laid, tmp_path: Path
) -> None:
    found, chosen = recipe.load("instruction_tuning"), settings()
    record = TrainingRecord(
        recipe=found.name,
        preset="tiny",
        settings=chosen.model_dump(),
        asked_gates={"served_perplexity_ratio": Gate(most=1.02)},
        data="0" * 64,
        code="0" * 64,
        torch="",
        device="cpu",
        measured={},
    )
    (tmp_path / "history.jsonl").write_text('{"step": 1, "loss": 1.0}\n')
    trained = TrainedModel(tmp_path, record, {})
    judged = JudgedModel(found, chosen, trained, torch.nn.Identity(), None, Evaluation({"f1": 1.0}))
    job = laid({"task": "finish"}, {})
    refused = job.output / REFUSED
    finish.require_served_gates(job, judged, {"served_perplexity_ratio": 1.01})
    assert not refused.exists()
    with pytest.raises(BelowGate, match="served_perplexity_ratio is nan"):
        finish.require_served_gates(job, judged, {"served_perplexity_ratio": float("nan")})
    with pytest.raises(BelowGate, match="served_perplexity_ratio was not measured"):
        finish.require_served_gates(job, judged, {})
    with pytest.raises(BelowGate, match=r"served_perplexity_ratio is 1\.03"):
        finish.require_served_gates(job, judged, {"served_perplexity_ratio": 1.03})
    numbers = json.loads((refused / "evaluation.json").read_text())
    assert numbers == {"f1": 1.0, "served_perplexity_ratio": 1.03}
    told = (refused / "CARD.md").read_text()
    assert "served_perplexity_ratio is 1.03 and may be 1.02 at most" in told
    assert "| served_perplexity_ratio | 1.03 | at most 1.02 |" in told
    write_refusal(refused, judged)
    why = "its network missed a gate, so that no graph was exported"
    assert f"served_perplexity_ratio cannot be told: {why}" in (refused / "CARD.md").read_text()


def test_gates_should_refuse_what_was_not_tuned_or_learned_by_heart(
    base: BaseModel, data: Path
) -> None:
    gates = recipe.load("instruction_tuning").own_gates
    untrained = tuning.evaluate(built(base, data), tuning.read(data), settings(judged_rows=8))
    assert untrained.numbers["f1_gain"] == 0
    with pytest.raises(BelowGate, match="f1_gain_low"):
        require_gates(gates, untrained.numbers)
    # Whatever it is asked, it writes an answer of the training rows.
    wanted = [each.messages[-1].content for each in HELD_OUT]
    by_heart = score_answers(["red!"] * len(wanted), wanted)
    told = WrittenAnswers(("red!",) * len(wanted), by_heart)
    nothing = WrittenAnswers(("",) * len(wanted), score_answers([""] * 8, wanted))
    numbers = {
        **by_heart.numbers(),
        **gains(told, nothing, nothing),
        "f1_over_chance_low": float(np.mean(f1_over_chance(told.texts, wanted))),
    }
    assert numbers["f1_gain_low"] > 0.3
    with pytest.raises(BelowGate, match="f1_over_chance_low"):
        require_gates(gates, numbers)


def test_gates_should_refuse_what_few_rows_happen_to_say(base: BaseModel, data: Path) -> None:
    judged = tuning.evaluate(moved(base, data), tuning.read(data), settings(judged_rows=2))
    missed = missed_gates(
        recipe.load("instruction_tuning").own_gates, judged.numbers, judged.unknown
    )
    assert any("2 rows were judged" in each for each in missed)
    # Eight rows of two people are two observations.
    read = tuning.read(data)
    rows = [row.model_copy(update={"group": str(at % 2)}) for at, row in enumerate(read.test)]
    grouped = replace(read, test=tuple(rows))
    told = tuning.evaluate(moved(base, data), grouped, settings(judged_rows=8))
    assert "2 groups of rows were judged" in told.unknown["f1_gain_low"]
    assert [len(each) for each in told.scores.values()] == [2, 2]


def test_rows_should_be_judged_from_the_whole_of_a_sorted_file() -> None:
    rows = list(range(100))
    chosen = drawn_rows(rows, 10, seed=0)
    assert len(chosen) == 10
    assert chosen != rows[:10]
    assert drawn_rows(rows, 10, seed=0) == chosen
    assert drawn_rows(rows, 100, seed=0) == rows


def test_fewer_bits_that_lose_too_much_should_be_refused(tmp_path: Path) -> None:
    exported_decoder.require_close(1.04, 1.0)
    with pytest.raises(OutOfParity, match="weight_bits=32"):
        exported_decoder.require_close(1.06, 1.0)
    with pytest.raises(OutOfParity):
        exported_decoder.require_close(float("nan"), 1.0)
    assert exported_decoder.perplexity_numbers([0.0, 0.0], 1.0)["served_perplexity_ratio"] == 1
    with pytest.raises(OutOfParity, match="is inf by the exported graph"):
        exported_decoder.perplexity_numbers([1e4], 9.0)
    with pytest.raises(NotFinite, match="is inf by the network; train again"):
        exported_decoder.perplexity_numbers([1e4], float("inf"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_type": "mamba"}, "architecture 'mamba'"),
        ({"vocab_size": 100}, "it is not the tokenizer of this base"),
        ({"num_hidden_layers": 3}, "lacks the weights"),
        ({"hidden_size": None}, "lacks a size"),
    ],
)
def test_should_refuse_a_base_that_does_not_fit(
    change: dict[str, Any], told: str, data: Path, tmp_path: Path
) -> None:
    made = write_tiny_base(tmp_path, texts=TEXTS)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    record_base(tmp_path, name=made.record.name, source="tests", licence="Apache-2.0")
    with pytest.raises(BadData, match=told):
        built(replace(read_base(tmp_path)), data)
