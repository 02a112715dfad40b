"""The recipe `preference_tuning`: a base decoder is tuned on pairs of answers.

DPO: R. Rafailov et al., https://arxiv.org/abs/2305.18290. The reference is the base without its
adapter, and what it makes of the pairs is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.bases.folder import BaseModel
from models.evaluation import judged_rows
from models.evaluation.intervals import group_means, mean_interval
from models.evaluation.preference_accuracy import RankedPairs, Values, hits, win_numbers
from models.networks.chat_tokens import ChatRows, ChatTokens
from models.networks.drawn_answers import divergences, drawn_rows, longest_answer
from models.networks.exported_decoder import served_perplexity
from models.networks.fitted_judge import FittedJudge, fit_judge
from models.networks.preference_losses import preference_loss
from models.networks.preference_rows import (
    ReadAnswers,
    answered,
    encode_pairs,
    read_answers,
)
from models.networks.settings import TuningSettings
from models.networks.tuned_chats import (
    build_chat_decoder,
    check_conversations,
    end_token,
    graphs,
    learned,
    network_files,
)
from models.networks.tuned_decoder import (
    TunedDecoder,
    answer_losses,
    trainable_share,
)
from models.recipes.preference_tuning.parameters import Parameters
from models.recipes.preference_tuning.reference import ReferenceScores
from models.training.learned_weights import LearnedWeights
from models.training.length_batches import LengthBatches
from models.training.loop import TrainingTask
from models.training.recipe_code import Evaluation, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, Loss, LossTask
from models.training_data.channel import DataChannel, read_channel
from models.training_data.row_groups import RowGroups, row_groups
from models.training_data.rows import PreferenceExample

Pairs = DataChannel[PreferenceExample]

_MEASURED_ROWS = 12


def read(folder: Path) -> Pairs:
    """Read a channel of pairs. Raises BadData."""
    return read_channel(folder, PreferenceExample)


def build(parameters: Parameters, data: Pairs, base: BaseModel) -> TunedDecoder:
    """Return the base with what is tuned on it. Raises BadData."""
    return build_chat_decoder(parameters, base)


def check(parameters: TuningSettings, data: Pairs, base: BaseModel) -> list[str]:
    """Return nothing to tell. Raises BadData, with the line, for an answer that does not fit."""
    for part, pairs in (
        ("train", data.train),
        ("validation", data.validation),
        ("test", data.test),
    ):
        prompts = [pair.messages for pair in pairs]
        for texts in ([pair.chosen for pair in pairs], [pair.rejected for pair in pairs]):
            check_conversations(parameters, answered(prompts, texts), base, part)
    return []


def task(setup: TaskSetup[Parameters, Pairs]) -> TrainingTask:
    """Return the training on the channel's pairs. Raises BadData."""
    model = setup.network
    assert isinstance(model, TunedDecoder)
    chosen, rejected = encode_pairs(model, setup.data.train, "train")
    rows = ChatRows([*chosen, *rejected], model.tokenizer.end)
    count = len(chosen)
    reference = ReferenceScores(model, rows, setup.parameters, setup.device)
    batches = LengthBatches(
        [max(each) for each in zip(rows.sizes[:count], rows.sizes[count:], strict=True)],
        [*rows.tokens.split(count)],
        [*rows.places.split(count), *rows.weights.split(count), torch.arange(count)],
        setup.parameters,
        setup.group,
    )
    return LossTask(
        model,
        dpo_loss(setup.parameters, reference),
        batches,
        setup.parameters,
        setup.device,
        setup.group,
        also={"reference": reference},
        kept=LearnedWeights(model),
    )


def dpo_loss(parameters: Parameters, reference: ReferenceScores) -> Loss:
    """Return DPO's loss of batches of pairs: tokens, places and weights of both, and their numbers.

    `likelihood` times the mean -log p of chosen tokens is added: R. Pang et al.,
    https://arxiv.org/abs/2404.19733, equation 2.

    `accuracy` is the share whose chosen answer became likelier than the other, by what the base
    says, and `margin` by how much, times beta. `chosen` is the change of log p of chosen answers:
    it falls where a model unlearns both.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, TunedDecoder)
        network.thaw(number)
        tokens, places, weights = (torch.cat([*batch[at : at + 2]]) for at in (0, 2, 4))
        each = network(tokens, places)
        before = torch.cat(reference.of(batch[6]))
        liked, other = (-(each * weights).sum(1) - before).chunk(2)
        apart = preference_loss(liked, other, parameters.beta, parameters.label_smoothing)
        chosen, counted = each.chunk(2)[0], weights.chunk(2)[0]
        unlikely = (chosen * counted).sum() / counted.sum()
        return {
            "loss": apart + parameters.likelihood * unlikely,
            "accuracy": (liked > other).float().mean(),
            "margin": parameters.beta * (liked - other).mean(),
            "chosen": liked.mean(),
        }

    return loss


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Pairs, parameters: Parameters) -> Evaluation:
    """Return how the tuned model ranks held-out pairs and answers their prompts, with intervals.

    `accuracy` is that of implicit rewards, `gain` is over the base's own log p, of answers or of
    tokens, whichever ranks better. `win_rate` is the share of prompts whose answer a judge prefers
    to the base's, and `kl` the divergence of drawn answers from the base.
    """
    assert isinstance(network, TunedDecoder)
    pairs = judged_rows.drawn_rows(data.test, parameters.judged_rows, parameters.seed)
    every = prompt_groups([*pairs, *data.validation])
    prompts = every[: len(pairs)]
    chosen, rejected = encode_pairs(network, pairs, "test")
    ours = read_answers(network, chosen), read_answers(network, rejected)
    more = encode_pairs(network, data.validation, "validation")
    with network.plain() as base:
        theirs = read_answers(base, [*chosen, *more[0]]), read_answers(base, [*rejected, *more[1]])
    ranked = _ranked(ours, theirs, prompts)
    numbers, unknown = ranked.numbers(length_matters=parameters.length_matters)
    judge = fit_judge(*theirs, every.tolist(), len(pairs))
    written = write_answers(network, chosen)
    wins, untold = _wins(network, judge, theirs, written, prompts)
    apart, tokens = divergences(network, chosen, parameters.seed)
    drawn = prompts[: len(apart)]
    numbers |= {
        **wins,
        **written.numbers(prompts),
        **mean_interval(group_means(apart, drawn)).numbers("kl"),
        **mean_interval(group_means(apart / tokens, drawn)).numbers("kl_by_token"),
        "chosen_change": float((ours[0].log_p - theirs[0].log_p[: len(pairs)]).mean()),
        "trainable_share": trainable_share(network),
    }
    known, few = judged_rows.known_bounds(numbers, len(np.unique(prompts)), "prompts")
    scores = {"accuracy": group_means(hits(ranked.rewards), prompts)}
    told = {**few, **unknown, **untold}
    return Evaluation(known, scores=scores, judge=judge.fingerprint, unknown=told)


def prompt_groups(pairs: Sequence[PreferenceExample]) -> RowGroups:
    """Return which pairs are no independent rows, [n]: they share a group or a prompt."""
    return row_groups(pairs, ["\0".join(turn.content for turn in pair.messages) for pair in pairs])


def _ranked(
    ours: tuple[ReadAnswers, ReadAnswers],
    theirs: tuple[ReadAnswers, ReadAnswers],
    prompts: RowGroups,
) -> RankedPairs:
    count = len(prompts)
    (chosen, rejected), (liked, other) = ours, theirs
    base = [each.log_p[:count] for each in theirs]
    return RankedPairs(
        rewards=_values((chosen.log_p - base[0]) - (rejected.log_p - base[1])),
        base=_values(base[0] - base[1]),
        base_by_token=_values(base[0] / liked.tokens[:count] - base[1] / other.tokens[:count]),
        longer=_values(chosen.tokens - rejected.tokens),
        prompts=prompts,
    )


def _values(tensor: torch.Tensor) -> Values:
    return np.asarray(tensor.double().numpy(), np.float64)


@dataclass(frozen=True, slots=True)
class AnsweredPrompts:
    """The likeliest answers of a tuned model and of its base to the same prompts, as rows."""

    tuned: Sequence[ChatTokens]
    base: Sequence[ChatTokens]
    end: int

    def numbers(self, prompts: RowGroups) -> Mapping[str, float]:
        """Return the mean tokens of answers, and the share of those that came to their end.

        `ended_gain` is by how much more of the tuned ones do, with its interval: a model that goes
        on and on in a tone that pleases has not learned to answer.
        """
        found = {}
        ended = {}
        for prefix, rows in (("", self.tuned), ("base_", self.base)):
            found[f"{prefix}answer_tokens"] = float(np.mean([sum(row.learned) for row in rows]))
            ended[prefix] = np.array([float(row.ids[-1] == self.end) for row in rows])
            found[f"{prefix}ended"] = float(ended[prefix].mean())
        gain = group_means(ended[""] - ended["base_"], prompts)
        return {**found, **mean_interval(gain).numbers("ended_gain")}


def write_answers(network: TunedDecoder, rows: Sequence[ChatTokens]) -> AnsweredPrompts:
    """Return what a model and its base answer to the prompts of rows."""
    most = longest_answer(rows)
    with network.plain() as base:
        theirs = drawn_rows(base, rows, most, temperature=0.0)
    ours = drawn_rows(network, rows, most, temperature=0.0)
    return AnsweredPrompts(ours, theirs, end_token(network))


def _wins(
    network: TunedDecoder,
    judge: FittedJudge,
    theirs: tuple[ReadAnswers, ReadAnswers],
    written: AnsweredPrompts,
    prompts: RowGroups,
) -> tuple[Mapping[str, float], Mapping[str, str]]:
    """Return how often the judge prefers tuned answers, and how often it agrees with people."""
    of_people = judge.margins(*(each.vectors[: len(prompts)] for each in theirs))
    with network.plain() as base:
        vectors = [read_answers(base, rows).vectors for rows in (written.tuned, written.base)]
    margins = _values(judge.margins(*vectors))
    same = [one.ids == other.ids for one, other in zip(written.tuned, written.base, strict=True)]
    margins[np.array(same)] = 0.0
    return win_numbers(margins, _values(of_people), prompts)


def measured(
    folder: Path, network: torch.nn.Module, data: Pairs, parameters: Parameters
) -> Mapping[str, float]:
    """Return the perplexity of chosen answers by the exported files. Raises OutOfParity."""
    assert isinstance(network, TunedDecoder)
    rows, _ = encode_pairs(network, data.test[:_MEASURED_ROWS], "test")
    losses, counts = answer_losses(network, ChatRows(rows, network.tokenizer.end))
    return served_perplexity(folder, rows, float(torch.exp(losses.sum() / counts.sum())))


CODE: RecipeCode[Parameters, Pairs] = RecipeCode(
    parameters=Parameters,
    load=read,
    build=build,
    check=check,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=lambda _parameters: {},
    learned=learned,
    network_files=network_files,
    measured=measured,
)
