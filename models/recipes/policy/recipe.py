"""The recipe `policy`: supervised fine-tuning on reviews."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.data import review_pairs
from models.data.review_pairs import Preferences
from models.evaluation.sentiment import judge_review, verdict_rates
from models.networks.decoder import decoder, decoder_constants, decoder_graphs, log_probabilities
from models.networks.rollouts import CompletionRows, completion_rows, draw_completions, prompt_rows
from models.recipes.policy.parameters import Parameters
from models.training import seeds
from models.training.loop import TrainingTask
from models.training.recipe_code import Evaluation, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, loss_task


def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
    """Return the mean -log p(token) in nats over completions, including their end."""
    written = CompletionRows(*batch)
    told = log_probabilities(network, written.ids) * written.answered
    return {"loss": -told.sum() / written.answered.sum()}


DRAWN = 1000


_EVALUATION_STREAM = 2**31


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Preferences, parameters: Parameters) -> Evaluation:
    """Return `perplexity` of held-out completions, and verdicts on sampled ones.

    Verdicts are the shares of 1,000 completions of held-out prompts that are positive, ended and
    well formed.
    """
    held_out = completion_rows(
        data.vocabulary,
        [(each.prompt, each.completion) for each in data.test_reviews],
        parameters.context,
    )
    told = log_probabilities(network, held_out.ids) * held_out.answered
    perplexity = torch.exp(-told.sum() / held_out.answered.sum())
    prompts, begun = prompt_rows(
        data.vocabulary, data.test_reviews, parameters.context, parameters.most
    )
    stream = seeds.generator(parameters.seed, _EVALUATION_STREAM)
    written = draw_completions(network, prompts[:DRAWN], begun[:DRAWN], parameters.most, stream)
    verdicts = [
        judge_review(data.vocabulary.text(ids), ended)
        for ids, ended in zip(written.completions(), written.ended.tolist(), strict=True)
    ]
    return Evaluation({"perplexity": float(perplexity), **verdict_rates(verdicts)})


def task(setup: TaskSetup[Parameters, Preferences]) -> TrainingTask:
    """Return the training of a decoder on the channel's reviews. Raises BadData."""
    parameters, data = setup.parameters, setup.data
    data.require(parameters.vocabulary)
    texts = [(each.prompt, each.completion) for each in data.train_reviews]
    rows = completion_rows(data.vocabulary, texts, parameters.context)
    return loss_task(setup, loss, rows.tensors)


CODE: RecipeCode[Parameters, Preferences] = RecipeCode(
    parameters=Parameters,
    load=review_pairs.read,
    network=decoder,
    task=task,
    evaluate=evaluate,
    graphs=decoder_graphs,
    constants=decoder_constants,
    files=review_pairs.files,
)
