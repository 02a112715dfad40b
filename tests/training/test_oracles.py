"""The oracles and torch, held to each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from sklearn.cluster import KMeans
from torch import nn
from torch.nn import functional
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from models.recipes.vae.network import kl
from models.reference import attention, classics, diffusion, losses

RANDOM = np.random.default_rng(5)


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_should_be_torchs(causal: bool) -> None:
    q, k, v = (RANDOM.normal(size=(2, 7, 4)) for _ in range(3))
    ours, _ = attention.attention(q, k, v, causal=causal)
    theirs = functional.scaled_dot_product_attention(
        tensor(q), tensor(k), tensor(v), is_causal=causal
    )
    assert ours == pytest.approx(theirs.numpy())


def test_heads_should_be_torchs() -> None:
    theirs = nn.MultiheadAttention(8, 2, bias=False, batch_first=True, dtype=torch.float64)
    query, key, value = theirs.in_proj_weight.detach().numpy().reshape(3, 8, 8)
    output = theirs.out_proj.weight.detach().numpy()
    ours = attention.Heads(query.T, key.T, value.T, output.T, 2)
    rows = RANDOM.normal(size=(5, 8))
    told, _ = theirs(*[tensor(rows)[None]] * 3)
    assert ours(rows) == pytest.approx(told[0].detach().numpy())


def test_rotation_should_be_llamas() -> None:
    config = LlamaConfig(hidden_size=8, num_attention_heads=1, head_dim=8)
    rows = RANDOM.normal(size=(6, 8))
    positions = np.arange(6.0)
    cosine, sine = LlamaRotaryEmbedding(config)(tensor(rows), tensor(positions)[None])
    turned, _ = apply_rotary_pos_emb(*[tensor(rows)[None, None]] * 2, cosine, sine)
    assert attention.rotated(rows, positions) == pytest.approx(turned[0, 0].numpy(), abs=1e-6)


def test_losses_should_be_torchs() -> None:
    logits, classes = RANDOM.normal(size=(6, 4)), RANDOM.integers(0, 4, 6)
    assert losses.cross_entropy(logits, classes) == pytest.approx(
        functional.cross_entropy(tensor(logits), tensor(classes)).item()
    )
    targets, probabilities = RANDOM.integers(0, 2, 9).astype(float), RANDOM.uniform(0.1, 0.9, 9)
    assert losses.binary_cross_entropy(targets, probabilities) == pytest.approx(
        functional.binary_cross_entropy(tensor(probabilities), tensor(targets)).item()
    )


def test_the_autoencoders_kl_should_be_the_oracles_and_torchs() -> None:
    mean, log_variance = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 3))
    theirs = torch.distributions.kl_divergence(
        torch.distributions.Normal(tensor(mean), tensor(np.exp(log_variance / 2))),
        torch.distributions.Normal(0.0, 1.0),
    ).sum(1)
    oracle = losses.kl_to_standard_normal(mean, log_variance)
    assert oracle == pytest.approx(theirs.numpy())
    assert kl(tensor(mean), tensor(log_variance)).numpy() == pytest.approx(oracle)


def test_schedules_should_be_those_of_diffusers() -> None:
    theirs = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
    assert theirs.betas.numpy() == pytest.approx(diffusion.cosine_betas(1000), abs=1e-6)
    linear = DDPMScheduler(1000)
    assert linear.betas.numpy() == pytest.approx(diffusion.linear_betas(1000), abs=1e-7)


def test_noise_and_the_way_back_should_be_those_of_diffusers() -> None:
    theirs = DDIMScheduler(
        100, beta_schedule="squaredcos_cap_v2", clip_sample=False, set_alpha_to_one=False
    )
    shares = diffusion.kept_shares(diffusion.cosine_betas(100))
    rows, noise = RANDOM.normal(size=(2, 5)), RANDOM.normal(size=(2, 5))
    noised = diffusion.add_noise(rows, noise, shares[60])
    told = theirs.add_noise(tensor(rows), tensor(noise), torch.tensor(60))
    assert noised == pytest.approx(told.numpy(), abs=1e-6)
    theirs.set_timesteps(10)
    back = theirs.step(tensor(noise), 60, tensor(noised)).prev_sample
    ours = diffusion.ddim_step(noised, noise, shares[60], shares[50])
    assert ours == pytest.approx(back.numpy(), abs=1e-6)


def test_back_propagation_should_be_autograds() -> None:
    rows, classes = RANDOM.normal(size=(6, 3)), RANDOM.integers(0, 4, 6)
    shapes = {"first": (3, 5), "first_bias": (5,), "second": (5, 4), "second_bias": (4,)}
    weights = {name: RANDOM.normal(size=shape) for name, shape in shapes.items()}
    theirs = {name: tensor(value).requires_grad_() for name, value in weights.items()}
    hidden = torch.tanh(tensor(rows) @ theirs["first"] + theirs["first_bias"])
    logits = hidden @ theirs["second"] + theirs["second_bias"]
    functional.cross_entropy(logits, tensor(classes)).backward()
    _, gradient = classics.TwoLayers(**weights).gradient(rows, classes)
    for name, value in theirs.items():
        assert value.grad is not None
        assert getattr(gradient, name) == pytest.approx(value.grad.numpy())


def test_k_means_should_be_scikit_learns() -> None:
    chance = np.random.default_rng(3)
    rows, centres = chance.normal(size=(60, 2)), chance.normal(size=(4, 2))
    theirs = KMeans(4, init=centres, n_init=1, algorithm="lloyd", tol=0).fit(rows)
    found, nearest = classics.k_means(rows, centres)
    assert found == pytest.approx(theirs.cluster_centers_)
    assert nearest.tolist() == theirs.labels_.tolist()
    assert classics.spread(rows, found, nearest) == pytest.approx(theirs.inertia_)
