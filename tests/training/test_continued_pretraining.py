"""Continued pre-training of small random bases: blocks, losses, gates, and what serves them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from chalicelib.contracts.model_manifest import FILE
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.language_model import LanguageModel
from chalicelib.inference.text_decoder import TokenSampling
from models.bases.folder import CHANNEL, BaseModel
from models.evaluation.perplexity import bits_per_byte
from models.failures import BadData, BadRecipe, BelowGate
from models.files import sha256_of_file
from models.jobs import runner
from models.networks.quantised_layers import quantise_frozen
from models.networks.text_blocks import (
    DocumentEncoder,
    learned_documents,
    pack_documents,
)
from models.networks.tuned_decoder import TunedDecoder
from models.recipes.continued_pretraining import recipe as pretraining
from models.recipes.continued_pretraining.judgement import (
    BothLosses,
    StretchLosses,
    Values,
    general_texts,
    judged,
    stretch_losses,
)
from models.recipes.continued_pretraining.parameters import Parameters
from models.training import recipe
from models.training.devices import DEVICE, Device, select_device
from models.training.gates import Gate, require_gates
from models.training.learned_weights import LearnedWeights
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup
from models.training.recipe_gates import gates_of
from models.training.supervised_task import LossTask
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import TextExample
from tests.training.conftest import Laid
from tests.training.tiny_bases import write_tiny_base

WORDS = ["red", "blue", "green", "yellow", "white", "black", "grey", "brown"]


def text(number: int) -> str:
    """A document of the domain: colours in a row, each followed by the next."""
    return " ".join(WORDS[(number + at) % len(WORDS)] for at in range(14 + number % 5))


TRAIN = [TextExample(text=text(number)) for number in range(24)]
HELD_OUT = [TextExample(text=f"{text(number)} {number}") for number in range(30, 42)]


def settings(**changed: Any) -> Parameters:
    given = {"batch": 4, "rank": 2, "max_tokens": 32, "context": 96, "weight_bits": 32}
    found = recipe.resolve(recipe.load("continued_pretraining"), "smoke", {**given, **changed})
    assert isinstance(found, Parameters)
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return write_tiny_base(tmp_path_factory.mktemp("base"), texts=[" ".join(WORDS)])


def channel(folder: Path, train: Sequence[TextExample], test: Sequence[TextExample]) -> Path:
    about = DataSource(source="tests", licence="CC0-1.0")
    write_channel(folder, "text", {"train": train, "test": test}, about)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return channel(tmp_path_factory.mktemp("data"), TRAIN, HELD_OUT)


def built(base: BaseModel, data: Path, **changed: Any) -> TunedDecoder:
    torch.manual_seed(3)
    found: TunedDecoder = pretraining.build(settings(**changed), pretraining.read(data), base)
    return found


def trained(base: BaseModel, data: Path, **changed: Any) -> TunedDecoder:
    made = built(base, data, **changed)
    read = pretraining.read(data)
    device = select_device({DEVICE: "cpu"})
    task = pretraining.task(TaskSetup(made, read, settings(**changed), device, ProcessGroup()))
    for number in range(1, settings(**changed).steps + 1):
        task.step(number)
    made.eval()
    return made


def test_every_token_but_the_first_should_be_predicted_once() -> None:
    documents = [np.arange(2, 2 + size, dtype=np.int32) for size in (5, 1, 9, 3)]
    found = pack_documents(documents, 4, end=0)
    stream = [token for each in documents for token in (*each.tolist(), 0)]
    predicted = found.tokens[:, 1:][found.weights.bool()]
    assert predicted.tolist() == stream[1:]
    assert found.predicted == sum(map(len, documents)) + len(documents) - 1
    before = found.tokens[:, :-1][found.weights.bool()]
    assert before.tolist() == stream[:-1]
    assert found.spans == ((0, 1), (1, 1), (1, 4), (4, 5))


def test_documents_that_were_learned_should_be_those_of_the_blocks_of_steps() -> None:
    documents = [np.full(3, 7, np.int32)] * 40
    blocks = pack_documents(documents, 4, end=0)
    every = learned_documents(blocks, settings(steps=60, batch=4))
    assert every == list(range(40))
    some = learned_documents(blocks, settings(steps=3, batch=4))
    assert 0 < len(some) <= 12
    assert set(some) < set(every)


def test_documents_of_one_group_should_be_learned_or_validated_on_and_in_no_block_together(
    base: BaseModel, data: Path
) -> None:
    read = pretraining.read(data)
    rows = [each.model_copy(update={"group": f"{at // 3}"}) for at, each in enumerate(read.train)]
    grouped = replace(read, train=tuple(rows))
    chosen = settings(validation_share=0.3, batch=1)
    packed = pretraining.pack_training(chosen, grouped, built(base, data).tokenizer)
    assert packed.held is not None
    assert len(packed.held.spans) == len(rows) - len(packed.rows) == 6
    learned = {rows[at].group for at in packed.rows}
    held_out = [each.group for at, each in enumerate(rows) if at not in packed.rows]
    assert not learned & {*held_out}
    whole = pretraining.pack_training(settings(), grouped, built(base, data).tokenizer).learned
    assert packed.learned.predicted + packed.held.predicted == whole.predicted - 1
    task = pretraining.task(
        TaskSetup(built(base, data), grouped, chosen, Device(torch.device("cpu")), ProcessGroup())
    )
    assert isinstance(task, LossTask)
    assert task.validation is not None
    assert torch.equal(task.validation.rows[0], packed.held.tokens)


def test_special_tokens_in_a_document_should_be_plain_text(base: BaseModel, data: Path) -> None:
    tokenizer = built(base, data).tokenizer
    (found,) = DocumentEncoder(tokenizer.file).encode(["red<|im_end|>"])
    assert tokenizer.end not in found.tolist()
    assert tokenizer.tokenizer.decode(found.tolist()) == "red<|im_end|>"


def test_the_loss_should_be_that_of_transformers_and_its_head_be_applied_in_pieces(
    base: BaseModel, data: Path
) -> None:
    whole, pieces = (built(base, data, way="full", logits_at_once=size) for size in (1024, 7))
    blocks = pretraining.pack_training(settings(), pretraining.read(data), whole.tokenizer).learned
    assert (
        blocks.predicted
        == sum(
            len(each) + 1
            for each in DocumentEncoder(whole.tokenizer.file).encode([row.text for row in TRAIN])
        )
        - 1
    )
    batch = blocks.tokens[-4:], blocks.weights[-4:]
    sizes: list[int] = []
    pieces.decoder.get_output_embeddings().register_forward_hook(
        lambda _module, _given, logits: sizes.append(len(logits))
    )
    losses = [pretraining.loss(made, batch, 1)["loss"] for made in (whole, pieces)]
    labels = batch[0].clone()
    labels[:, 1:][batch[1] == 0] = -100
    torch.testing.assert_close(losses[0], whole.decoder(input_ids=batch[0], labels=labels).loss)
    torch.testing.assert_close(*losses)
    for each in losses:
        each.backward()
    assert max(sizes) == 7
    for one, other in zip(whole.parameters(), pieces.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_perplexity_should_be_of_every_token_after_the_first(base: BaseModel, data: Path) -> None:
    made = built(base, data).eval()
    encoder, chance = DocumentEncoder(made.tokenizer.file), np.random.default_rng(0)
    stretches = [encoder.stretch(each, 200, chance) for each in ("red blue ü green", "grey")]
    known = [each for each in stretches if each is not None]
    assert encoder.stretch("r", 200, chance) is None
    found = stretch_losses(made, known)
    for row, stretch in enumerate(known):
        tokens = torch.tensor([stretch.ids])
        theirs = made.decoder(input_ids=tokens, labels=tokens).loss.item()
        assert found.nats[row] == pytest.approx(theirs * (len(stretch.ids) - 1), rel=1e-5)
        assert found.bits[row] == pytest.approx(
            bits_per_byte(theirs, len(stretch.ids) - 1, stretch.size), rel=1e-5
        )
    assert losses([1e4]).perplexity == np.inf, "a network that diverged has a number to refuse"
    long = encoder.stretch(text(0) * 20, 16, chance)
    assert long is not None
    assert len(long.ids) == 16
    assert made.tokenizer.tokenizer.decode(list(long.ids[1:])).encode()[: long.size]
    assert len(made.tokenizer.tokenizer.decode(list(long.ids[1:])).encode()) == long.size


OWN_GATES = recipe.load("continued_pretraining").own_gates


def losses(bits: Sequence[float] | Values) -> StretchLosses:
    """Losses of documents of 8 bytes and 4 tokens with these bits a byte."""
    count = len(bits)
    nats = np.array(bits) * 8 * np.log(2)
    return StretchLosses(nats, np.full(count, 4.0), np.full(count, 8.0))


def test_gates_should_refuse_what_was_not_tuned_or_learned_by_heart(
    base: BaseModel, data: Path, tmp_path: Path
) -> None:
    read = pretraining.read(data)
    untrained = pretraining.evaluate(built(base, data).eval(), read, settings())
    with pytest.raises(BelowGate, match=r"gain_low is 0 .*transfer cannot be told"):
        require_gates(OWN_GATES, untrained.numbers, untrained.unknown)
    learned: dict[str, Any] = {"way": "full", "steps": 25, "learning_rate": 0.01}
    model = trained(base, data, **learned)
    found = pretraining.evaluate(model, read, settings(**learned))
    require_gates(OWN_GATES, found.numbers, found.unknown)
    assert found.numbers["forgotten"] > 1
    assert found.numbers["learned"] > 1.5
    # The same model, of which held-out documents show that it knows nothing but its rows.
    other = [TextExample(text=each) for each in general_texts()]
    strange = pretraining.read(channel(tmp_path, TRAIN, other))
    by_heart = pretraining.evaluate(model, strange, settings(**learned))
    assert by_heart.numbers["train_gain"] > 0.1
    with pytest.raises(BelowGate, match="transfer is"):
        require_gates(OWN_GATES, by_heart.numbers, by_heart.unknown)


def test_gates_should_refuse_a_little_that_was_learned_beside_much_by_heart() -> None:
    drawn = np.random.default_rng(0)
    before, general = losses(drawn.normal(1.5, 0.1, 40)), losses([1.0] * 20)
    after = losses(before.bits - drawn.normal(0.1, 0.01, 40))
    groups = np.arange(40)
    by_heart = BothLosses(before, losses(before.bits - 1.2))
    found = judged(BothLosses(before, after), groups, by_heart, BothLosses(general, general))
    assert found.numbers["gain_low"] > 0.09
    with pytest.raises(BelowGate, match=r"registered: transfer is 0.08"):
        require_gates(OWN_GATES, found.numbers, found.unknown)
    # Documents of one source are one observation: four of them tell no interval.
    few = judged(
        BothLosses(before, after), np.arange(40) % 4,
        BothLosses(before, after), BothLosses(general, general),
    )  # fmt: skip
    with pytest.raises(BelowGate, match="gain_low cannot be told: 4 groups"):
        require_gates(OWN_GATES, few.numbers, few.unknown)


def test_documents_that_no_step_read_whole_should_not_stand_for_those_that_were_learned(
    base: BaseModel, data: Path
) -> None:
    read = pretraining.read(data)
    long = [each.model_copy(update={"text": each.text * 40}) for each in read.train]
    read = replace(read, train=tuple(long))
    told = pretraining.evaluate(built(base, data).eval(), read, settings(steps=1, batch=1))
    assert not {"train_gain", "train_perplexity", "transfer"} & told.numbers.keys()
    with pytest.raises(BelowGate, match=r"transfer cannot be told: no document was learned whole"):
        require_gates(OWN_GATES, {**told.numbers, "gain": 1, "gain_low": 1}, told.unknown)


def test_a_user_should_be_able_to_bound_what_is_forgotten() -> None:
    same, worse = losses([1.0] * 20), losses([1.4] * 20)
    found = judged(
        BothLosses(worse, same), np.arange(20),
        BothLosses(worse, same), BothLosses(same, worse),
    )  # fmt: skip
    require_gates(OWN_GATES, found.numbers)
    asked = {"forgotten": Gate(most=1.1)}
    gates = gates_of(recipe.load("continued_pretraining"), asked, own_data=True)
    with pytest.raises(BelowGate, match="forgotten is "):
        require_gates(gates, found.numbers)
    assert len(general_texts()) >= 20


def test_qlora_should_learn_beside_layers_of_4_bits_and_serve_beside_whole_ones(
    base: BaseModel, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "bitsandbytes.nn", None)
        with pytest.raises(BadRecipe, match=r"qlora needs bitsandbytes.*requirements/qlora.in"):
            trained(base, data, way="qlora")
    with pytest.raises(BadRecipe, match=r"an NVIDIA GPU, --target gpu .* this is meta"):
        quantise_frozen(built(base, data, way="qlora"), torch.device("meta"))
    pytest.importorskip("bitsandbytes", reason="requirements/qlora.in is not installed")
    tuned = trained(base, data, way="qlora", steps=12, learning_rate=0.02)
    quantised = [each for each in tuned.modules() if type(each).__name__ == "Linear4bit"]
    assert len(quantised) == 14  # of two layers
    assert all(each.weight.dtype == torch.uint8 for each in quantised)
    served = built(base, data, way="qlora").eval()
    LearnedWeights(served).load_state_dict(LearnedWeights(tuned).state_dict())
    found = pretraining.evaluate(served, pretraining.read(data), settings(way="qlora"))
    require_gates(OWN_GATES, found.numbers, found.unknown)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"way": "prefix_tuning"}, "has to be one of full, gradual, lora, qlora"),
        ({"way": "qlora", "sharded": True}, "sharded is for the ways full, gradual and lora"),
        ({"way": "full", "embeddings": True}, "embeddings is for the way lora"),
    ],
)
def test_should_refuse_settings_by_name(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRecipe, match=told):
        settings(**changed)


def test_should_say_what_will_be_read_and_refuse_what_does_not_fit(
    base: BaseModel, data: Path
) -> None:
    read = pretraining.read(data)
    (told,) = pretraining.check(settings(), read, base)
    assert re.fullmatch(
        r"24 documents have \d+ tokens, .* blocks of 32. 2 steps of 4 .* times.", told
    )
    with pytest.raises(BadData, match=r"blocks of 96, fewer than a batch of 64"):
        pretraining.check(settings(batch=64, max_tokens=96), read, base)
    with pytest.raises(BadData, match="tiny-llama reads 128 tokens at once"):
        pretraining.check(settings(max_tokens=256), read, base)


def test_should_train_finish_and_go_on_with_a_text(base: BaseModel, data: Path, laid: Laid) -> None:
    """Both jobs through, by LoRA and the tokens' vectors: the graph has what was learned in it."""
    channels = {"training": data, CHANNEL: base.folder}
    asked = {
        "recipe": "continued_pretraining", "preset": "smoke", "embeddings": True, "chat": False,
        "batch": 4, "max_tokens": 32, "context": 96, "learning_rate": 0.02, "steps": 8,
        "checkpoint_every": 8,
    }  # fmt: skip
    job = laid(asked, channels, "train")
    runner.run_job(job, {}, lambda _: None)
    finish = laid({"task": "finish"}, {**channels, "model": job.model}, "finish")
    runner.run_job(finish, {}, lambda _: None)
    signature = json.loads((finish.model / FILE).read_text())
    assert set(signature["files"]) == {"tokenizer.json"}
    assert 0.9 < signature["metrics"]["served_perplexity_ratio"] < 1.05
    assert signature["metrics"]["learned"] > 1.2
    assert "| forgotten | " in (finish.model / "CARD.md").read_text()
    exported = ExportedModel.read(
        lambda name: (finish.model / name).read_bytes(), sha256_of_file(finish.model / FILE)
    )
    found = LanguageModel(exported).complete("red blue", TokenSampling(most=4))
    assert (found.tokens_in, found.tokens_out) == (2, 4)
