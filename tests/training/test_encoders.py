"""Recipes that tune an encoder on rows of a user's own: what they learn, and what they refuse."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from chalicelib.contracts.model_manifest import ModelOrigin, Signature
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.tuned_embedder import open_model
from models.bases.folder import read_base
from models.export.graphs import export_graphs
from models.failures import BadData, BelowGate, OutOfParity
from models.files import sha256_of_file
from models.jobs import runner
from models.networks.encoder import EncoderClassifier, merged, text_encoder
from models.networks.linear_probe import fit_head
from models.recipes.text_embedder import recipe as text_embedder
from models.recipes.text_embedder.recipe import alike, first_right
from models.training import recipe
from models.training.devices import Device
from models.training.gates import missed_gates
from models.training.learned_weights import LearnedWeights
from models.training.process_group import ProcessGroup
from models.training.recipe import DataKind
from models.training.recipe_code import TaskSetup, recipe_code
from models.training_data import labelled_texts, tagged_texts, text_pairs
from models.training_data.rows import DataRow, LabelledSpan, LabelledText, TaggedText, TextPair
from tests.training.conftest import Laid, signature_of, weights_of
from tests.training.tiny_encoder import change_config, sentence, write_base, write_rows

SHARES = {"train": 240, "validation": 40, "test": 120}
SETTINGS = {
    "preset": "tiny",
    "steps": 80,
    "batch": 16,
    "learning_rate": 0.01,
    "max_tokens": 16,
    "checkpoint_every": 40,
}
_ZEROS = "0" * 64
ORIGIN = ModelOrigin(
    recipe="text_embedder", preset="tiny", seed=0, steps=1, data=_ZEROS, code=_ZEROS,
    torch="2.9", device="cpu",
)  # fmt: skip
RECIPES = ("text_classifier", "token_classifier", "text_embedder")
Rows = Callable[[random.Random], DataRow]


def labelled(drawing: random.Random) -> LabelledText:
    """A text whose class is that of one of its words."""
    kind = drawing.randrange(3)
    told = sentence(drawing, [f"w{10 * kind + drawing.randrange(10)}"])
    return LabelledText(text=told, label=("red", "green", "blue")[kind])


def tagged(drawing: random.Random) -> TaggedText:
    """A text with a thing: two words of twenty each, which seldom come twice together."""
    words = drawing.choices([f"w{at}" for at in range(100, 200)], k=5)
    thing = f"w{drawing.randrange(20)} w{drawing.randrange(20, 40)}"
    at = drawing.randrange(5)
    before = " ".join(words[:at])
    text = " ".join([*words[:at], thing, *words[at:]])
    start = len(before) + (at > 0)
    span = LabelledSpan(start=start, end=start + len(thing), label="thing")
    return TaggedText(text=text, spans=(span,))


def paired(drawing: random.Random) -> TextPair:
    """A query w0 to w39, and a passage with the word that is 40 after it."""
    number = drawing.randrange(40)
    return TextPair(
        query=f"w{number} w{number}", passage=sentence(drawing, [f"w{number + 40}"] * 4)
    )


MADE: Mapping[str, tuple[DataKind, Rows]] = {
    "text_classifier": ("labelled_text", labelled),
    "token_classifier": ("tagged_text", tagged),
    "text_embedder": ("text_pairs", paired),
}


def drawn(name: str) -> list[DataRow]:
    drawing = random.Random(1)
    return [MADE[name][1](drawing) for _ in range(sum(SHARES.values()))]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Channels of rows that can be learned, by the recipe."""
    return {
        name: write_rows(tmp_path_factory.mktemp(name), MADE[name][0], drawn(name), SHARES)
        for name in RECIPES
    }


def run(laid: Laid, base: Path, name: str, data: Path, **settings: Any) -> tuple[Path, Any]:
    """Train and judge on own data; return the model's folder and its numbers."""
    asked = {**SETTINGS, "recipe": name, "own_data": True, **settings}
    training = laid(asked, {"training": data, "base_model": base}, f"train-{name}")
    runner.run_job(training, {}, lambda _: None)
    channels = {"training": data, "base_model": base, "model": training.model}
    done = laid({"task": "judge"}, channels, f"judge-{name}")
    runner.run_job(done, {}, lambda _: None)
    return done.model, json.loads((done.model / "evaluation.json").read_text())


@pytest.mark.parametrize("name", RECIPES)
def test_own_rows_should_be_learned_and_reach_the_gates(
    name: str, laid: Laid, base: Path, rows: Mapping[str, Path]
) -> None:
    folder, numbers = run(laid, base, name, rows[name])
    best = {"text_classifier": "macro_f1", "token_classifier": "entity_f1", "text_embedder": "ndcg"}
    assert numbers[best[name]] > 0.75
    record = json.loads((folder / "training.json").read_text())
    assert record["bases"]["base_model"] == read_base(base).sha256


def shuffled(name: str, found: Sequence[DataRow]) -> list[DataRow]:
    """Return rows whose classes, spans or passages are those of others, by chance."""
    order = list(found)
    random.Random(4).shuffle(order)
    changed: list[DataRow] = []
    for row, other in zip(found, order, strict=True):
        if isinstance(row, LabelledText) and isinstance(other, LabelledText):
            changed.append(row.model_copy(update={"label": other.label}))
        elif isinstance(row, TextPair) and isinstance(other, TextPair):
            changed.append(row.model_copy(update={"passage": other.passage}))
        elif isinstance(row, TaggedText):
            start, words = 0, row.text.split()
            at = random.Random(row.text).randrange(len(words))
            start = len(" ".join(words[:at])) + (at > 0)
            span = LabelledSpan(start=start, end=start + len(words[at]), label="thing")
            changed.append(row.model_copy(update={"spans": (span,)}))
    return changed


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_learned_by_heart_of_rows_by_chance_should_be_refused(
    name: str, laid: Laid, base: Path, tmp_path: Path
) -> None:
    data = write_rows(tmp_path / name, MADE[name][0], shuffled(name, drawn(name)), SHARES)
    with pytest.raises(BelowGate, match="_low is"):
        run(laid, base, name, data, steps=150)


def built(name: str, base: Path, data: Path, **settings: Any) -> tuple[Any, Any, Any]:
    """Return a recipe's new network, its data and its settings."""
    code, found = recipe_code(name), recipe.load(name)
    chosen = {each: value for each, value in SETTINGS.items() if each != "preset"}
    parameters = recipe.resolve(found, "tiny", {**chosen, **settings})
    read = code.load(data)
    assert code.build is not None
    torch.manual_seed(1)
    return code.build(parameters, read, read_base(base)), read, parameters


def trained(name: str, base: Path, data: Path, **settings: Any) -> tuple[Any, Any, list[float]]:
    """Train without a job; return the network, its settings and the losses."""
    network, read, parameters = built(name, base, data, **settings)
    setup = TaskSetup(network, read, parameters, Device(torch.device("cpu")), ProcessGroup())
    task = recipe_code(name).task(setup)
    losses = [float(task.step(number)["loss"]) for number in range(1, parameters.steps + 1)]
    return network, parameters, losses


@pytest.mark.parametrize("name", RECIPES)
def test_too_few_rows_should_tell_no_interval(name: str, base: Path, tmp_path: Path) -> None:
    drawing = random.Random(2)
    rows = [MADE[name][1](drawing) for _ in range(36)]
    data = write_rows(tmp_path / "few", MADE[name][0], rows, {"train": 32, "test": 4})
    network, read, parameters = built(name, base, data)
    told = recipe_code(name).evaluate(network.eval(), read, parameters)
    for gate in missed_gates(recipe.load(name).own_gates, told.numbers, told.unknown):
        assert re.search(r"_low cannot be told: \d (texts|queries) were judged", gate)
    assert told.unknown.keys() >= recipe.load(name).own_gates.keys()


@pytest.mark.parametrize("name", RECIPES)
def test_rows_of_one_group_should_count_once(name: str, base: Path, tmp_path: Path) -> None:
    drawing = random.Random(5)
    found = [MADE[name][1](drawing) for _ in range(44)]
    parts = {}
    for copies in (1, 4):
        held_out = [row.model_copy(update={"group": f"g{at}"}) for at, row in enumerate(found[32:])]
        rows = [*found[:32], *[row for row in held_out for _ in range(copies)]]
        shares = {"train": 32, "test": 12 * copies}
        data = write_rows(tmp_path / str(copies), MADE[name][0], rows, shares)
        network, read, parameters = built(name, base, data)
        parts[copies] = recipe_code(name).evaluate(network.eval(), read, parameters)
    gates = recipe.load(name).own_gates
    for number in gates.keys() - {"gain_over_chance_low"}:  # whose spans are drawn for each text
        assert parts[1].numbers[number] == pytest.approx(parts[4].numbers[number])
    if name == "text_embedder":
        one = [row.model_copy(update={"group": f"g{at % 2}"}) for at, row in enumerate(found)]
        few = write_rows(tmp_path / "few", "text_pairs", one, {"train": 32, "test": 12})
        told = recipe_code(name).evaluate(network, text_pairs.read(few), parameters)
        assert "2 groups of queries were judged" in told.unknown["gain_over_base_low"]


@pytest.mark.parametrize("way", ["full", "lora", "gradual", "head"])
def test_each_way_should_learn_what_it_says_and_nothing_else(
    way: str, base: Path, rows: Mapping[str, Path]
) -> None:
    data = rows["text_classifier"]
    before, *_ = built("text_classifier", base, data, way=way)
    rate = {"lora": 0.02, "head": 0.03}.get(way, 0.01)
    network, _, losses = trained(
        "text_classifier", base, data, way=way, learning_rate=rate, probe=False
    )
    assert np.mean(losses[-10:]) < np.mean(losses[:5]) - 0.1
    learned = set(LearnedWeights(before).state_dict())
    old = before.state_dict()
    moved = {
        name
        for name, each in network.state_dict().items()
        if not torch.equal(each, old[name]) and "position_ids" not in name
    }
    # Of the embeddings only the words of the rows move, which are tokens all the same.
    assert moved <= learned
    parts = {"full": 39, "gradual": 39, "head": 2, "lora": 26}
    assert len(learned) == parts[way], sorted(learned)
    if way in ("head", "lora"):
        assert moved == learned


def test_gradual_unfreezing_should_begin_with_the_head_and_end_with_all(
    base: Path, rows: Mapping[str, Path]
) -> None:
    network, _, parameters = built("text_classifier", base, rows["text_classifier"], way="gradual")
    assert isinstance(network, EncoderClassifier)
    counts = []
    for number in range(1, parameters.steps + 1):
        network.encoder.thaw(number, parameters.steps)
        counts.append(sum(each.requires_grad for each in network.parameters()))
    assert counts[0] == 2
    assert counts == sorted(counts)
    assert len(set(counts)) == 4  # the head, two layers, and the embeddings
    assert counts[parameters.steps // 3 + 1] == counts[-1] == 39


@pytest.mark.parametrize("name", ["text_classifier", "token_classifier"])
def test_rows_that_are_held_back_should_end_a_training_that_gets_no_better(
    name: str, laid: Laid, base: Path, tmp_path: Path
) -> None:
    data = write_rows(tmp_path / name, MADE[name][0], shuffled(name, drawn(name)), SHARES)
    looks = {"validation_share": 0.25, "validate_every": 10, "patience": 2}
    asked = {**SETTINGS, "recipe": name, "own_data": True, "steps": 400, **looks}
    job = laid(asked, {"training": data, "base_model": base})
    runner.run_job(job, {}, lambda _: None)
    steps = len((job.model / "history.jsonl").read_text().splitlines())
    assert 20 < steps < 300


def test_a_probe_should_begin_below_the_loss_of_a_head_by_chance(
    base: Path, rows: Mapping[str, Path]
) -> None:
    first = [
        trained("text_classifier", base, rows["text_classifier"], probe=probe, steps=3)[2][0]
        for probe in (True, False)
    ]
    assert first[0] < 0.9 * first[1]


def test_a_probe_should_not_learn_rows_by_heart() -> None:
    drawing = torch.Generator().manual_seed(0)
    features = torch.randn(60, 32, generator=drawing)
    classes = torch.arange(60) % 3
    head = nn.Linear(32, 3)
    fit_head(head, features, classes)
    # Nothing tells the classes apart, so that a lower loss of these rows is a higher one of others.
    assert functional.cross_entropy(head(features), classes) > 0.4


def test_balanced_weights_should_tell_a_rare_class(base: Path, tmp_path: Path) -> None:
    drawing = random.Random(2)
    # Nothing tells the classes apart, of which one row in ten is red.
    found = [
        LabelledText(text=sentence(drawing), label="blue" if at % 10 else "red")
        for at in range(260)
    ]
    data = write_rows(tmp_path / "rare", "labelled_text", found, {"train": 200, "test": 60})
    told = {}
    for weights in ("none", "balanced"):
        network, parameters, _ = trained(
            "text_classifier", base, data, class_weights=weights, steps=5, learning_rate=0.0001
        )
        reader = text_encoder(network.base, parameters)
        part = labelled_texts.read(data).test
        ids, mask = reader.rows(part.texts).tensors
        with torch.no_grad():
            told[weights] = int((network.eval()(ids, mask).argmax(1) == 1).sum())
    assert told["balanced"] > 10 > 6 > told["none"]


def test_a_graph_should_tell_what_the_network_does_for_texts_of_any_length(
    laid: Laid, base: Path, rows: Mapping[str, Path]
) -> None:
    data = rows["text_classifier"]
    asked = {**SETTINGS, "recipe": "text_classifier", "own_data": True, "way": "lora"}
    asked |= {"learning_rate": 0.02, "steps": 30}
    training = laid(asked, {"training": data, "base_model": base}, "train")
    runner.run_job(training, {}, lambda _: None)
    channels = {"training": data, "base_model": base, "model": training.model}
    done = laid({"task": "finish"}, channels, "finish")
    runner.run_job(done, {}, lambda _: None)
    signature = signature_of(done.model)
    assert signature["constants"]["labels"] == ["blue", "green", "red"]
    assert 0.02 < signature["constants"]["temperature"] < 50
    assert set(signature["files"]) == {"tokenizer.json"}
    assert all(
        "body" not in name or "lora" in name
        for name in weights_of(training.model / "weights.safetensors")
    )
    session = onnxruntime.InferenceSession(done.model / "classifier.onnx")
    tokenizer = Tokenizer.from_file(str(done.model / "tokenizer.json"))
    test = labelled_texts.read(data).test
    right = []
    for text, wanted in zip(test.texts, test.classes, strict=True):
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        (logits,) = session.run(["logits"], {"tokens": ids, "mask": np.ones_like(ids)})
        right.append(logits[0].argmax() == wanted)
    evaluation = json.loads((done.model / "evaluation.json").read_text())
    assert np.mean(right) == pytest.approx(evaluation["accuracy"])


def test_an_embedder_of_fewer_bits_should_be_held_to_ndcg_and_read_prefixes_as_it_is_served(
    base: Path, rows: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = text_pairs.read(rows["text_embedder"])
    network, parameters, _ = trained(
        "text_embedder", base, rows["text_embedder"], weight_bits=8, query_prefix="w0 ", steps=30
    )
    network.eval()
    signature = Signature(
        name="tuned",
        family="text_embedder",
        licence="MIT",
        graphs=export_graphs(text_embedder.graphs(network, parameters), tmp_path),
        constants=text_embedder.learned(network),
        files={"tokenizer.json": sha256_of_file(base / "tokenizer.json")},
        metrics={},
        origin=ORIGIN,
    )
    told = text_embedder.measured(tmp_path, network, data, parameters)
    assert told["served_ndcg"] > 0.5
    assert abs(told["served_ndcg_loss"]) <= text_embedder.MOST_LOST
    files = {"tokenizer.json": (base / "tokenizer.json").read_bytes()}
    files["embedder.onnx"] = (tmp_path / "embedder.onnx").read_bytes()
    served = open_model(ExportedModel(signature, files.__getitem__))
    reader = text_embedder.served_reader(network, parameters)
    query = data.test[0].query
    wanted = text_embedder.vectors_of(network, reader, [f"w0 {query}"])
    assert served.embed([query], queries=True) @ wanted.T == pytest.approx(1, abs=0.01)
    assert served.max_tokens == reader.max_tokens
    monkeypatch.setattr(text_embedder, "MOST_LOST", -2.0)
    with pytest.raises(OutOfParity, match="set weight_bits to 32"):
        text_embedder.measured(tmp_path, network, data, parameters)


def test_adapters_should_be_merged_exactly_and_the_network_left_alone(
    base: Path, rows: Mapping[str, Path]
) -> None:
    network, _, _ = trained("text_embedder", base, rows["text_embedder"], way="lora", steps=5)
    ids, mask = torch.tensor([[2, 10, 11, 3]]), torch.ones(1, 4, dtype=torch.long)
    with torch.no_grad():
        before = network.eval()(ids, mask)
        plain = merged(network)
        assert torch.allclose(plain(ids, mask), before, atol=1e-6)
        assert torch.equal(network(ids, mask), before)
    assert not any("lora" in name for name, _ in plain.named_parameters())


def test_what_answers_a_query_too_should_be_no_wrong_answer() -> None:
    # Rows 0 and 2 have the same query, rows 1 and 3 the same passage; 7 is also row 0's other.
    queries, own = torch.tensor([1, 2, 1, 4]), torch.tensor([5, 6, 7, 6])
    told = alike(queries, own, torch.cat([own, torch.tensor([7, 9, 9, 9])]))
    assert torch.nonzero(told).tolist() == [[0, 2], [1, 3], [2, 0], [2, 4], [3, 1]]


def test_a_query_should_be_right_by_its_first_passage_wherever_its_others_are() -> None:
    passages = np.eye(3, dtype=np.float32)
    queries = np.array([[3, 2, 1], [2, 3, 1]], np.float32)
    answers = [frozenset({0, 2})] * 2
    judged = text_pairs.JudgedQueries(["a", "b"], answers, [frozenset()] * 2, np.arange(2))
    assert first_right((queries, passages), judged).tolist() == [1, 0]


def test_passages_that_do_not_answer_should_be_learned_from(base: Path, tmp_path: Path) -> None:
    drawing = random.Random(3)
    pairs = [paired(drawing) for _ in range(64)]
    with_others = [
        pair.model_copy(update={"negative": sentence(drawing)}) if at % 2 else pair
        for at, pair in enumerate(pairs)
    ]
    data = write_rows(tmp_path / "n", "text_pairs", with_others, {"train": 48, "test": 16})
    _, _, losses = trained("text_embedder", base, data, steps=12)
    assert all(np.isfinite(losses))
    assert losses[-1] < losses[0]


def test_a_base_that_cannot_be_tuned_should_be_told(
    tmp_path: Path, rows: Mapping[str, Path]
) -> None:
    data = rows["text_classifier"]
    other = write_base(tmp_path / "decoder")
    change_config(other, model_type="llama")
    with pytest.raises(BadData, match=r"is a model that continues text \(llama\)"):
        built("text_classifier", other, data)
    small = write_base(tmp_path / "small")
    with pytest.raises(BadData, match="reads 64 tokens at most; set max_tokens to 64"):
        built("text_classifier", small, data, max_tokens=128)
    change_config(small, num_hidden_layers=3)
    with pytest.raises(BadData, match=r"has no weights encoder\.layer\.2"):
        built("text_classifier", small, data)
    strange = write_base(tmp_path / "strange", vocab_size=100)
    network, read, parameters = built("text_classifier", strange, data)
    setup = TaskSetup(network, read, parameters, Device(torch.device("cpu")), ProcessGroup())
    with pytest.raises(BadData, match="has 204 tokens, and the base knows 100"):
        recipe_code("text_classifier").task(setup)


@pytest.mark.parametrize(
    ("train", "test", "told"),
    [
        ([("a", "x"), ("b", "x")], [("c", "x")], "one class only, 'x'"),
        ([("a", "x"), ("b", "x"), ("c", "y")], [("d", "x")], "fewer than 2 rows of 1 classes"),
        (
            [("a", "x"), ("b", "x"), ("c", "y"), ("d", "y")],
            [("e", "z")],
            "test.jsonl, row 1: label: 'z' is the class of no training row",
        ),
    ],
)
def test_classes_that_cannot_be_learned_or_judged_should_be_told(
    train: list[tuple[str, str]], test: list[tuple[str, str]], told: str, tmp_path: Path
) -> None:
    found = [LabelledText(text=text, label=label) for text, label in (*train, *test)]
    shares = {"train": len(train), "test": len(test)}
    with pytest.raises(BadData, match=told):
        labelled_texts.read(write_rows(tmp_path, "labelled_text", found, shares))


def test_spans_and_pairs_that_are_too_few_should_be_told(tmp_path: Path) -> None:
    plain = [TaggedText(text=f"w{at}") for at in range(4)]
    folder = write_rows(tmp_path / "spans", "tagged_text", plain, {"train": 2, "test": 2})
    with pytest.raises(BadData, match=r"train\.jsonl has no span"):
        tagged_texts.read(folder)
    pairs = [TextPair(query=f"w{at}", passage=f"w{at} w{at}") for at in range(6)]
    folder = write_rows(tmp_path / "pairs", "text_pairs", pairs, {"train": 4, "test": 2})
    with pytest.raises(BadData, match="6 different passages, and 10 are the least"):
        text_pairs.read(folder)
