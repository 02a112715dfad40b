"""All that trainings import, imported: what `models.forked` has its processes begin with."""

from __future__ import annotations

import importlib

from models.common import recipe
from models.common.family import family

for _name in ("models.common.running", "onnxscript", "torch.onnx"):
    importlib.import_module(_name)
for _name in recipe.names():
    family(_name)
