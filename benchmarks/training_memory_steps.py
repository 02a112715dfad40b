"""Two steps of tuning a base, for `training_memory`; prints the peak of memory and the CPU time."""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM
from transformers.utils import logging

from benchmarks.training_memory import RANK, STEPS
from models.pull.shipped_bases import SHIPPED, shipped_base


def main(case: dict[str, Any]) -> None:
    """Take the steps of a case, and print what they took."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    writes = SHIPPED[case["base"]].kind == "decoder"
    folder = shipped_base(case["base"])
    if writes:
        network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    else:
        network = AutoModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False)
    if case["way"] == "lora":
        network = get_peft_model(network, LoraConfig(r=RANK, target_modules="all-linear"))
    if case["checkpointing"]:
        network.gradient_checkpointing_enable()
        network.enable_input_require_grads()
    network.train()
    learned = [each for each in network.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW(learned, 1e-4)
    tokens = torch.randint(5, network.config.vocab_size, (case["batch"], case["tokens"]))
    begun = time.process_time()
    for _ in range(STEPS):
        optimiser.zero_grad()
        _loss(network, tokens, writes).backward()
        optimiser.step()
    took = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"peak_mb": peak / 1e6, "cpu_s": took}))


def _loss(network: nn.Module, tokens: torch.Tensor, writes: bool) -> torch.Tensor:
    if not writes:
        return network(input_ids=tokens).last_hidden_state.mean(1)[:, :8].pow(2).mean()
    logits = network(input_ids=tokens, use_cache=False).logits[:, :-1]
    return nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
