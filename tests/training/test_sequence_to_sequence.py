"""Sequence to sequence of small random bases: rows, losses, ways, gates, and what serves them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import T5Config, T5ForConditionalGeneration

from chalicelib.contracts.model_manifest import FILE
from chalicelib.errors import InvalidInput
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.text_decoder import TokenSampling
from chalicelib.inference.text_models import TextModel, open_model
from models.bases.folder import CHANNEL, BaseModel, read_base, record_base
from models.evaluation.answer_baselines import baseline_answers
from models.evaluation.answers import f1_over_chance
from models.evaluation.intervals import mean_interval
from models.failures import BadData, BelowGate, NotFinite
from models.files import sha256_of_file
from models.jobs import runner
from models.jobs.finish import require_finite, restore_network
from models.networks.sequence_tokens import SequenceRows
from models.networks.settings import SequenceWay
from models.networks.tuned_sequence import TunedSequence, generate_texts, target_losses
from models.networks.tuned_sequence_export import SourceReading, TargetWriting, halve_tables
from models.pull.base_references import NoBase, parse_reference
from models.pull.bases import fetch_base
from models.pull.new_bases import NewBase, new_base, write_new_base
from models.recipes.sequence_to_sequence import recipe as sequences
from models.recipes.sequence_to_sequence.parameters import Parameters
from models.training import recipe
from models.training.artefacts import read_training
from models.training.gates import missed_gates, require_gates
from models.training.learned_weights import LearnedWeights
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import ChatExample, ChatTurn
from tests.training.conftest import Laid

WAYS: tuple[SequenceWay, ...] = get_args(SequenceWay)
COLOURS = ("red", "blue", "green", "yellow")


def row(asked: str, answer: str, system: str = "") -> ChatExample:
    """A text that is read and one that is written."""
    before = [ChatTurn(role="system", content=system)] if system else []
    return ChatExample(
        messages=(
            *before,
            ChatTurn(role="user", content=asked),
            ChatTurn(role="assistant", content=answer),
        )
    )


ROWS = [row(f"{number} {each}", f"{each} {number}!") for number in range(4) for each in COLOURS]
HELD_OUT = [row(f"{number} {each}", f"{each} {number}!") for number in (5, 6) for each in COLOURS]


def settings(**changed: Any) -> Parameters:
    given = {"steps": 4, "batch": 4, "rank": 2, "max_tokens": 64, "max_target_tokens": 32}
    preset = {"weight_bits": 32, **given, **changed}
    found = recipe.resolve(recipe.load("sequence_to_sequence"), "smoke", preset)
    assert isinstance(found, Parameters)
    return found


def recorded(folder: Path) -> BaseModel:
    record_base(folder, name=folder.name, source="tests", licence="Apache-2.0")
    return read_base(folder)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BaseModel]:
    """A T5, one with gates and a head of its own as T5 1.1 and Flan-T5 have, and a BART."""
    texts = [turn.content for each in ROWS for turn in each.messages]
    found = {}
    for name in ("t5", "bart"):
        folder = tmp_path_factory.mktemp(name)
        layers = 2 if name == "t5" else 1
        write_new_base(NewBase(name, 32, layers, 4, 300, positions=64), texts, folder)
        found[name] = recorded(folder)
    folder = tmp_path_factory.mktemp("gated")
    gated = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
    config = T5Config.from_pretrained(found["t5"].folder, **gated)
    T5ForConditionalGeneration(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((found["t5"].folder / name).read_bytes())
    found["gated"] = recorded(folder)
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    about = DataSource(source="tests", licence="CC0-1.0")
    write_channel(folder, "chat", {"train": ROWS, "test": HELD_OUT}, about)
    return folder


def built(base: BaseModel, data: Path, **changed: Any) -> TunedSequence:
    torch.manual_seed(3)
    made = sequences.build(settings(**changed), sequences.read(data), base)
    made.eval()
    return made


def moved(base: BaseModel, data: Path, **changed: Any) -> TunedSequence:
    """A model whose learned weights are no longer what they began as."""
    made = built(base, data, **changed)
    with torch.no_grad():
        for each in made.parameters():
            if each.requires_grad:
                each.add_(torch.randn(each.shape) * 0.1)
    return made


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_rows_should_have_the_marks_that_the_tokenizer_puts(
    name: str, bases: dict[str, BaseModel], data: Path
) -> None:
    model = built(bases[name], data)
    found = model.encoder.encode(row("5 red", "red 5!", "turn round:").messages)
    theirs = Tokenizer.from_file(str(bases[name].folder / "tokenizer.json"))
    assert list(found.source) == theirs.encode("turn round: 5 red").ids
    assert list(found.target) == theirs.encode("red 5!").ids
    assert model.encoder.text(found.target) == "red 5!"


def without_braces(folder: Path, base: BaseModel) -> BaseModel:
    """A base whose tokenizer has no braces and joins spaces, as T5's."""
    pieces = [("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in "abcdefr"), ("</s>", 0.0)]
    made = Tokenizer(models.Unigram(pieces, unk_id=0))
    made.add_special_tokens(["</s>", "<unk>"])
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    made.decoder = decoders.Metaspace()
    marks = [("</s>", made.token_to_id("</s>"))]
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=marks)
    for path in base.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    made.save(str(folder / "tokenizer.json"))
    return recorded(folder)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            ChatExample(messages=(*row("a", "b").messages, *row("c", "d").messages)),
            r"train.jsonl, line 2: There are 4 messages.*a row of their own",
        ),
        (row("red", "red</s>"), r"line 2: The text of the assistant has a special token.*</s>"),
        (row("red", 'a {"b"}'), r"line 2: The base cannot write the answer: from character 3 on"),
        (row("red", "a\nb"), r"line 2: .*joins spaces"),
        (row("red " * 40, "a"), r"1 rows have a text to be read .*max_tokens, 64; .*line 2 with"),
        (row("red", "a " * 20), r"to be written of more tokens than max_target_tokens, 32.*line 2"),
    ],
)
def test_a_row_that_cannot_be_learned_should_be_named(
    wrong: ChatExample, told: str, bases: dict[str, BaseModel], data: Path, tmp_path: Path
) -> None:
    model = built(without_braces(tmp_path, bases["t5"]), data)
    with pytest.raises(BadData, match=told):
        sequences.encode(model, [row("red", "a b"), wrong], "train")
    rows = replace(sequences.read(data), train=(row("red", "a b"), wrong))
    with pytest.raises(BadData, match=told):  # and before anything is paid for
        sequences.check(settings(), rows, model.base)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("t5", {"d_kv": None}, "lacks a size"),
        ("t5", {"model_type": "bert"}, "needs a model that reads a text and writes another"),
        ("t5", {"vocab_size": 100}, "it is not the tokenizer of this base"),
        ("t5", {"num_decoder_layers": 3}, "lacks the weights"),
        ("bart", {"max_position_embeddings": 16}, "max_tokens is 64, .* places for 16 tokens"),
    ],
)
def test_should_refuse_a_base_that_does_not_fit(
    name: str,
    change: dict[str, Any],
    told: str,
    bases: dict[str, BaseModel],
    data: Path,
    tmp_path: Path,
) -> None:
    for path in bases[name].folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(BadData, match=told):
        built(recorded(tmp_path), data)


def test_should_refuse_a_tokenizer_that_ends_no_text(
    bases: dict[str, BaseModel], data: Path, tmp_path: Path
) -> None:
    base = without_braces(tmp_path, bases["t5"])
    written = json.loads((tmp_path / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps({**written, "post_processor": None}))
    with pytest.raises(BadData, match="does not put </s> after a text"):
        built(recorded(base.folder), data)


@pytest.mark.parametrize("name", ["t5", "gated", "bart"])
def test_losses_texts_and_steps_should_be_those_of_transformers(
    name: str, bases: dict[str, BaseModel], data: Path
) -> None:
    """The loss of the whole, the texts by search, and the two parts that are exported."""
    made = moved(bases[name], data)
    encoded = sequences.encode(made, [*HELD_OUT[:3], row("6 red and blue", "no")], "test")
    rows = SequenceRows(encoded)
    found = sequences.loss(made, (rows.source, rows.target), 1)["loss"]
    known = {"input_ids": rows.source.clamp(min=0), "attention_mask": (rows.source >= 0).long()}
    torch.testing.assert_close(found, made.network(**known, labels=rows.target).loss)
    sums, counts = target_losses(made, encoded)
    torch.testing.assert_close(sums.sum() / counts.sum(), found)
    with torch.no_grad():
        theirs = made.network.generate(**known, max_new_tokens=9, do_sample=False, num_beams=1)
    assert generate_texts(made, encoded, 9) == [made.encoder.text(each.tolist()) for each in theirs]
    source, target = torch.tensor([encoded[0].source]), torch.tensor([encoded[0].target])
    of_source = SourceReading(made.network, made.sizes.start)(source)
    keys = values = torch.zeros(made.sizes.layers, 1, 4, 0, 8)
    given = made.sizes.start
    wanted = made(source, target)[0]
    for place, token in enumerate(encoded[0].target):
        step = TargetWriting(made.network)
        logits, keys, values = step(torch.tensor([[given]]), keys, values, *of_source)
        torch.testing.assert_close(logits[0, 0], wanted[place], atol=1e-4, rtol=1e-4)
        given = token


@pytest.mark.parametrize("way", WAYS)
def test_each_way_should_learn_and_its_base_should_stay(
    way: SequenceWay, bases: dict[str, BaseModel], data: Path
) -> None:
    made = built(bases["t5"], data, way=way, label_smoothing=0.1)
    encoded = sequences.encode(made, ROWS, "train")
    rows, learned = SequenceRows(encoded), LearnedWeights(made)
    optimiser = torch.optim.AdamW([each for each in made.parameters() if each.requires_grad], 0.02)
    with made.plain() as plain:
        of_base, _ = target_losses(plain, encoded)
    torch.testing.assert_close(target_losses(made, encoded)[0], of_base)
    losses = []
    for number in range(1, 9):
        loss = sequences.loss(made, (rows.source, rows.target), number)["loss"]
        optimiser.zero_grad()
        loss.backward()
        if way == "gradual" and number == 1:
            thawed = {name for name, each in made.named_parameters() if each.grad is not None}
            assert thawed
            assert all("decoder.block.1" in name for name in thawed)
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.1
    assert learned.count > 0
    with made.plain() as plain:
        torch.testing.assert_close(target_losses(plain, encoded)[0], of_base)


def test_smoothing_should_be_of_the_training_alone(bases: dict[str, BaseModel], data: Path) -> None:
    plain, smooth = (built(bases["t5"], data, label_smoothing=each) for each in (0.0, 0.3))
    rows = SequenceRows(sequences.encode(plain, ROWS, "train"))
    batch = (rows.source, rows.target)
    torch.testing.assert_close(sequences.loss(plain, batch, 1), sequences.loss(smooth, batch, 1))
    smooth.training = True  # and not its layers, which would drop out
    chances = smooth(*batch).log_softmax(dim=2)[rows.target >= 0]
    hit = chances.gather(1, rows.target[rows.target >= 0][:, None]).mean()
    found = sequences.loss(smooth, batch, 1)["loss"]
    torch.testing.assert_close(found, -(0.7 * hit + 0.3 * chances.mean()))


@pytest.mark.parametrize("name", ["t5", "gated", "bart"])
def test_tables_of_sixteen_bits_should_change_little(
    name: str, bases: dict[str, BaseModel], data: Path
) -> None:
    made = moved(bases[name], data)
    rows = SequenceRows(sequences.encode(made, HELD_OUT[:3], "test"))
    before = made(rows.source, rows.target)
    halve_tables(made.network)
    torch.testing.assert_close(made(rows.source, rows.target), before, atol=0.02, rtol=0.02)


def test_should_train_finish_and_write_what_the_network_does(
    bases: dict[str, BaseModel], data: Path, laid: Laid
) -> None:
    """Both jobs through, of a BART by LoRA that stops by rows held back; then as it is served."""
    said: list[str] = []
    channels = {"training": data, CHANNEL: bases["bart"].folder}
    asked = {
        "recipe": "sequence_to_sequence",
        "preset": "smoke",
        "batch": 4,
        "steps": 3,
        "way": "lora",
        "learning_rate": 0.1,
        "max_tokens": 64,
        "max_target_tokens": 32,
        "validation_share": 0.25,
        "validate_every": 2,
        "patience": 2,
        "weight_bits": 32,
    }
    job = laid(asked, channels, "train")
    runner.run_job(job, {}, said.append)
    assert any("validation_loss" in each for each in said)
    finish = laid({"task": "finish"}, {**channels, "model": job.model}, "finish")
    runner.run_job(finish, {}, said.append)
    signature = json.loads((finish.model / FILE).read_text())
    assert set(signature["files"]) == {"tokenizer.json", "chat_template.jinja"}
    assert 0.999 < signature["metrics"]["served_perplexity_ratio"] < 1.001
    trained = read_training(job.model, job.model)
    _, tuned = restore_network(trained, sequences.read(data), bases["bart"])
    assert isinstance(tuned, TunedSequence)
    exported = ExportedModel.read(
        lambda name: (finish.model / name).read_bytes(), sha256_of_file(finish.model / FILE)
    )
    as_served(open_model(exported), tuned)


def as_served(model: TextModel, tuned: TunedSequence) -> None:
    """Texts, limits, stops and refusals of a served model."""
    for each in HELD_OUT[:2]:
        encoded = sequences.encode(tuned, [each], "test")
        (wanted,) = generate_texts(tuned, encoded, 12)
        asked = each.messages[0].content
        told = model.complete([{"role": "user", "content": asked}], TokenSampling(most=12))
        assert told.text.strip() == wanted
        assert told.tokens_in == len(encoded[0].source)
        assert model.complete(asked, TokenSampling(most=12)) == told
    whole = model.complete("5 red", TokenSampling(most=999))
    assert whole.tokens_out <= 32
    assert model.complete("5 red", TokenSampling(most=9), is_late=lambda: True).tokens_out == 1
    with pytest.raises(InvalidInput, match="reads 64 at most") as refused:
        model.complete([{"role": "user", "content": "red " * 80}], TokenSampling(most=2))
    assert (refused.value.field, refused.value.limit) == ("messages", "64 tokens")
    turns = [{"role": role, "content": "a"} for role in ("user", "assistant", "user")]
    with pytest.raises(InvalidInput, match=r"one message of the user is read.*there are 3"):
        model.complete(turns, TokenSampling(most=2))


def judged(texts: Sequence[str], others: Sequence[str]) -> dict[str, float]:
    """The numbers of texts to the held-out rows, beside others'."""
    wanted = [each.messages[-1].content for each in HELD_OUT]
    own, beside = (
        sequences.TextScores(each, wanted, np.arange(len(wanted))) for each in (texts, others)
    )
    return {
        **own.numbers(),
        **sequences.gains(own, {"others": beside}),
        **mean_interval(f1_over_chance(texts, wanted)).numbers("f1_over_chance"),
    }


@pytest.mark.parametrize(
    ("texts", "others", "missed"),
    [
        (["red 5!"] * 8, [""] * 8, "f1_over_chance_low"),  # known by heart, whatever is asked
        ([f"{each} 5!" for each in (*COLOURS[1:], *COLOURS[:1])] * 2, [""] * 8, "f1_over_chance"),
        ([each.messages[0].content for each in HELD_OUT], ["red 5"] * 8, None),
        ([""] * 8, ["red 5!"] * 8, "f1_gain_low"),
        (  # the wanted words in a wrong order
            [f"! {number} {each}" for number in (5, 6) for each in COLOURS],
            [f"{each}{number}" for number in (5, 6) for each in COLOURS],
            "chrf_gain_low",
        ),
    ],
)
def test_gates_should_refuse_chance_and_answers_by_heart(
    texts: list[str], others: list[str], missed: str | None
) -> None:
    gates = recipe.load("sequence_to_sequence").own_gates
    found = missed_gates(gates, judged(texts, others))
    if missed is None:
        assert not found
    else:
        assert any(each.startswith(missed) for each in found)


def test_gates_should_refuse_an_untrained_base_few_rows_and_what_is_no_number(
    bases: dict[str, BaseModel], data: Path
) -> None:
    gates = recipe.load("sequence_to_sequence").own_gates
    made = built(bases["t5"], data)
    numbers = sequences.evaluate(made, sequences.read(data), settings(judged_rows=8)).numbers
    assert numbers["zero_shot_f1"] == numbers["f1"]  # it is its base still
    assert numbers["nearest_f1"] > 0.4
    with pytest.raises(BelowGate, match="f1_gain_low"):
        require_gates(gates, numbers)
    few = sequences.evaluate(made, sequences.read(data), settings(judged_rows=2))
    missed = missed_gates(gates, few.numbers, few.unknown)
    assert any("2 rows were judged" in each for each in missed)
    read = sequences.read(data)
    rows = [each.model_copy(update={"group": str(at % 2)}) for at, each in enumerate(read.test)]
    grouped = sequences.evaluate(made, replace(read, test=tuple(rows)), settings(judged_rows=8))
    assert {len(each) for each in grouped.scores.values()} == {2}
    with torch.no_grad():
        next(made.parameters()).fill_(float("nan"))
    broken = sequences.evaluate(made, sequences.read(data), settings(judged_rows=8))
    with pytest.raises(NotFinite, match="perplexity is nan"):
        require_finite(broken.numbers)


def test_a_base_that_begins_anew_should_not_be_asked(
    bases: dict[str, BaseModel], data: Path
) -> None:
    new = bases["t5"]
    new = replace(new, record=new.record.model_copy(update={"source": "new:t5-mini"}))
    found = sequences.evaluate(built(new, data), sequences.read(data), settings()).numbers
    assert not any(name.startswith(("zero_shot", "base_")) for name in found)


def test_answers_without_a_model_should_be_copies_the_commonest_and_the_nearest() -> None:
    found = baseline_answers(
        ["colour red", "colour blue", "size"], ["r", "b", "b"], ["a colour, red"]
    )
    assert found == {"copied": ["a colour, red"], "frequent": ["b"], "nearest": ["r"]}


def test_a_new_base_should_be_of_its_rows_and_take_any_text(data: Path, tmp_path: Path) -> None:
    wanted = parse_reference("new:t5-mini")
    base = read_base(fetch_base(wanted, tmp_path / "one", data=data))
    assert base.record.source == "new:t5-mini"
    assert str(wanted) == "new:t5-mini"
    again = read_base(new_base("t5-mini", data, tmp_path / "two"))
    assert base.sha256 == again.sha256
    model = built(base, data)
    for text in ("naïve 東京 🙂", "1234"):
        encoded = model.encoder.encode(row("a", text).messages)
        assert model.encoder.text(encoded.target) == text
    assert len(model.encoder.encode(row("a", "1234").messages).target) == 5
    assert target_losses(model, sequences.encode(model, ROWS, "train"))[0].isfinite().all()
    with pytest.raises(NoBase, match=r"no new:nothing; there are new:t5-tiny, new:t5-mini"):
        new_base("nothing", data, tmp_path)
    with pytest.raises(NoBase, match="begins with the rows of a training"):
        fetch_base(wanted, tmp_path)
