"""The recipe `sequence_to_sequence`: an encoder-decoder learns to write a text for another.

C. Raffel et al., 2020, https://arxiv.org/abs/1910.10683
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from models.bases.folder import BaseModel
from models.evaluation.answer_baselines import baseline_answers
from models.evaluation.answers import AnswerScores, f1_over_chance, score_answers
from models.evaluation.intervals import group_means, mean_interval
from models.evaluation.judged_rows import drawn_rows, known_bounds, observations
from models.evaluation.text_overlap import bleu, chrf
from models.networks import tuned_sequence_export as export
from models.networks.base_decoder import read_base_tokenizer
from models.networks.exported_sequence import served_sequence_perplexity
from models.networks.sequence_tokens import (
    NO_TOKEN,
    SequenceEncoder,
    SequenceRows,
    SequenceTokens,
    encode_rows,
)
from models.networks.settings import SequenceSettings
from models.networks.tuned_sequence import (
    SequenceSizes,
    TunedSequence,
    generate_texts,
    require_positions,
    target_losses,
)
from models.recipes.sequence_to_sequence.parameters import Parameters
from models.training.learned_weights import LearnedWeights
from models.training.length_batches import LengthBatches
from models.training.loop import TrainingTask
from models.training.recipe_code import Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, LossTask
from models.training.validation import with_validation
from models.training_data.channel import DataChannel, read_channel
from models.training_data.row_groups import RowGroups, row_groups
from models.training_data.rows import ChatExample

Pairs = DataChannel[ChatExample]

NEW = "new:"
"""The source of a base whose weights are drawn at random, so that it has no answers of its own."""
_SPARE_TOKENS = 8
_MEASURED_ROWS = 24


def read(folder: Path) -> Pairs:
    """Read a channel of conversations. Raises BadData."""
    return read_channel(folder, ChatExample)


def build(parameters: Parameters, data: Pairs, base: BaseModel) -> TunedSequence:
    """Return the base with what is tuned on it. Raises BadData."""
    return TunedSequence(base, parameters)


def encode(model: TunedSequence, rows: Sequence[ChatExample], part: str) -> list[SequenceTokens]:
    """Return rows as tokens. Raises BadData, with the line, for one that does not fit."""
    return encode_rows(model.encoder, rows, part, _limits(model.settings))


def _limits(settings: SequenceSettings) -> Mapping[str, int]:
    return {name: int(getattr(settings, name)) for name in ("max_tokens", "max_target_tokens")}


def check(parameters: Parameters, data: Pairs, base: BaseModel) -> list[str]:
    """Return nothing to tell. Raises BadData, with the line, for a row that does not fit."""
    require_positions(SequenceSizes.of(base), parameters, base.record.name)
    encoder = SequenceEncoder(read_base_tokenizer(base))
    for part, rows in (("train", data.train), ("test", data.test)):
        encode_rows(encoder, rows, part, _limits(parameters))
    return []


def task(setup: TaskSetup[Parameters, Pairs]) -> TrainingTask:
    """Return the training on the channel's rows. Raises BadData."""
    model = setup.network
    assert isinstance(model, TunedSequence)
    rows = SequenceRows(encode(model, setup.data.train, "train"))
    kept = LearnedWeights(model)
    sizes = torch.tensor(rows.sizes)
    groups = row_groups(setup.data.train).tolist()
    learned, validation = with_validation(
        [rows.source, rows.target, sizes], setup.parameters, kept, groups
    )
    source, target, sizes = learned
    return LossTask(
        model,
        loss,
        LengthBatches(sizes.tolist(), [source, target], [], setup.parameters, setup.group),
        setup.parameters,
        setup.device,
        setup.group,
        kept=kept,
        validation=validation,
    )


def loss(network: nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
    """Return the mean cross-entropy of the targets' tokens, in nats."""
    assert isinstance(network, TunedSequence)
    network.thaw(number)
    source, target = batch[:2]
    smoothing = network.settings.label_smoothing if network.training else 0.0
    logits = network(source, target).float()
    found = nn.functional.cross_entropy(
        logits.transpose(1, 2), target, ignore_index=NO_TOKEN, label_smoothing=smoothing
    )
    return {"loss": found}


def evaluate(network: nn.Module, data: Pairs, parameters: Parameters) -> Evaluation:
    """Return how the tuned model answers held-out rows, with intervals.

    Beside it stand answers that need no model, and those of the base as it is (`zero_shot`) unless
    that began anew. `gain` is the paired difference to the best of them. Rows of one group count as
    one, but in BLEU, whose texts are drawn again by groups.
    """
    assert isinstance(network, TunedSequence)
    rows = drawn_rows(data.test, parameters.judged_rows, parameters.seed)
    groups = row_groups(rows)
    encoded = encode(network, rows, "test")
    wanted = [row.messages[-1].content.strip() for row in rows]
    longest = max(len(each.target) for each in encoded)
    most = min(longest + _SPARE_TOKENS, parameters.max_target_tokens)
    texts = generate_texts(network, encoded, most)
    others = baseline_answers(
        [_question(row) for row in data.train],
        [row.messages[-1].content.strip() for row in data.train],
        [_question(row) for row in rows],
        parameters.seed,
    )
    others = {**others, "copied": [row.messages[-2].content.strip() for row in rows]}
    losses, counts = target_losses(network, encoded)
    numbers = {"perplexity": _perplexity(losses, counts)}
    if not network.base.record.source.startswith(NEW):
        with network.plain() as base:
            others["zero_shot"] = generate_texts(base, encoded, most)
            numbers["base_perplexity"] = _perplexity(*target_losses(base, encoded))
    own = TextScores(texts, wanted, groups)
    beside = {name: TextScores(each, wanted, groups) for name, each in others.items()}
    numbers |= own.numbers() | bleu(texts, wanted, groups).numbers("bleu") | gains(own, beside)
    for name, each in beside.items():
        numbers |= each.numbers(f"{name}_")
    over_chance = group_means(f1_over_chance(texts, wanted), groups)
    numbers |= mean_interval(over_chance).numbers("f1_over_chance")
    known, unknown = known_bounds(numbers, *observations(groups))
    scores = {"exact_match": own.answers.exact, "f1": own.answers.f1, "chrf": own.chrf}
    return Evaluation(known, scores=scores, unknown=unknown)


class TextScores:
    """The scores of texts by the wanted ones: means of each group of rows."""

    def __init__(self, texts: Sequence[str], wanted: Sequence[str], groups: RowGroups) -> None:
        """Score as many texts as are wanted."""
        self.answers: AnswerScores = score_answers(texts, wanted).by_group(groups)
        self.chrf = group_means(chrf(texts, wanted), groups)

    def numbers(self, prefix: str = "") -> dict[str, float]:
        """Return the means and their intervals as metrics; names begin with `prefix`."""
        return {
            **self.answers.numbers(prefix),
            **mean_interval(self.chrf).numbers(f"{prefix}chrf"),
        }


def gains(own: TextScores, beside: Mapping[str, TextScores]) -> dict[str, float]:
    """Return how much better a model's texts are than the best of others, by each score."""
    found: dict[str, float] = {}
    for name, mine, theirs in (
        ("exact_gain", own.answers.exact, [each.answers.exact for each in beside.values()]),
        ("f1_gain", own.answers.f1, [each.answers.f1 for each in beside.values()]),
        ("chrf_gain", own.chrf, [each.chrf for each in beside.values()]),
    ):
        best = max(theirs, key=lambda each: float(each.mean()))
        found |= mean_interval(mine - best).numbers(name)
    return found


def _question(row: ChatExample) -> str:
    return " ".join(turn.content.strip() for turn in row.messages[:-1])


def _perplexity(losses: torch.Tensor, counts: torch.Tensor) -> float:
    return float(torch.exp(losses.sum() / counts.sum()))


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph that reads and the one that writes."""
    assert isinstance(network, TunedSequence)
    return export.sequence_graphs(network)


def measured(
    folder: Path, network: nn.Module, data: Pairs, parameters: Parameters
) -> Mapping[str, float]:
    """Return the perplexity of held-out targets by the exported files. Raises OutOfParity."""
    assert isinstance(network, TunedSequence)
    rows = encode(network, data.test[:_MEASURED_ROWS], "test")
    return served_sequence_perplexity(
        folder, rows, network.sizes, _perplexity(*target_losses(network, rows))
    )


def _tuned(network: nn.Module) -> TunedSequence:
    assert isinstance(network, TunedSequence)
    return network


CODE: RecipeCode[Parameters, Pairs] = RecipeCode(
    parameters=Parameters,
    load=read,
    build=build,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=lambda _parameters: {},
    learned=lambda network: export.sequence_constants(_tuned(network)),
    network_files=lambda network: export.sequence_files(_tuned(network)),
    measured=measured,
    check=check,
)
