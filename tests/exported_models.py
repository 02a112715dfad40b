"""Small exported models, made without training: files as `finish` leaves them, by their names."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from chalicelib.contracts.model_manifest import FILE, GraphSpec, ModelOrigin, Signature, TensorSpec
from chalicelib.contracts.serving import ServedVersion, Serving, pointer_key
from chalicelib.inference.exported_model import ExportedModel
from models.training.recipe import load

Files = Mapping[str, bytes]
Shape = list[int | str | None]
KEPT = (0.9, 0.6, 0.3, 0.1)
WORDS = b'{"light": 1, "dark": 2}'
SCALE = {"side": 2, "channels": 1, "lowest": -1.0, "highest": 1.0}
APPROVED, WAITS = "Approved", "PendingManualApproval"
_ZEROS = "0" * 64
_PICTURE: Shape = ["n", 1, 2, 2]


def decoder(add: float = 0.0, recipe: str = "vae") -> Files:
    """Return a model that gives four numbers back as a picture of 2 x 2, `add` brighter."""
    nodes = [
        helper.make_node("Add", ["latent", "add"], ["lighter"]),
        helper.make_node("Reshape", ["lighter", "shape"], ["image"]),
    ]
    values = {"add": np.float32(add), "shape": np.array([-1, 1, 2, 2])}
    content = graph(nodes, {"latent": ["n", 4]}, "image", values)
    return exported({"decoder": (("latent",), content)}, {**SCALE, "latent": 4}, recipe=recipe)


def denoiser() -> Files:
    """Return a diffusion model that has learnt one picture a word: "light" is white, "dark" is
    black, and without a word it is grey. Noise is what is left of a picture beside that.
    """
    nodes = [
        helper.make_node("Gather", ["kept", "step"], ["share"]),
        helper.make_node("Gather", ["left", "step"], ["rest"]),
        helper.make_node("Gather", ["tokens", "first"], ["word"], axis=1),
        helper.make_node("Gather", ["learnt", "word"], ["mean"]),
        helper.make_node("Reshape", ["share", "column"], ["shares"]),
        helper.make_node("Reshape", ["rest", "column"], ["rests"]),
        helper.make_node("Reshape", ["mean", "column"], ["means"]),
        helper.make_node("Mul", ["shares", "means"], ["clean"]),
        helper.make_node("Sub", ["image", "clean"], ["beside"]),
        helper.make_node("Div", ["beside", "rests"], ["noise"]),
    ]
    kept = np.array(KEPT, np.float32)
    values = {
        "kept": np.sqrt(kept),
        "left": np.sqrt(1 - kept),
        "first": np.array(0),
        "learnt": np.array([0, 1, -1], np.float32),
        "column": np.array([-1, 1, 1, 1]),
    }
    inputs: dict[str, Shape] = {"image": _PICTURE, "step": ["n"], "tokens": ["n", 3]}
    content = graph(nodes, inputs, "noise", values)
    constants: dict[str, Any] = {
        **SCALE,
        "prompt_tokens": 3,
        "steps": len(KEPT),
        "alphas_cumprod": KEPT,
        "guidance": 1.0,
        "sampling_steps": 2,
    }
    graphs = {"denoiser": (("image", "step", "tokens"), content)}
    return exported(graphs, constants, {"vocabulary.json": WORDS}, "diffusion")


def graph(
    nodes: list[onnx.NodeProto],
    inputs: Mapping[str, Shape],
    output: str,
    values: Mapping[str, Any],
    shape: Shape = _PICTURE,
    beside: Mapping[str, Shape] | None = None,
) -> bytes:
    """Return an ONNX model; what is called `step`, `tokens` or `mask` is whole numbers. It may give
    more outputs `beside` the one, by their shapes.
    """
    kinds = dict.fromkeys(inputs, TensorProto.FLOAT)
    kinds |= dict.fromkeys(kinds.keys() & {"step", "tokens", "mask"}, TensorProto.INT64)
    made = helper.make_graph(
        nodes,
        "drawn",
        [helper.make_tensor_value_info(name, kinds[name], inputs[name]) for name in inputs],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, each)
            for name, each in {output: shape, **(beside or {})}.items()
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def exported(
    graphs: Mapping[str, tuple[tuple[str, ...], bytes]],
    constants: Mapping[str, Any],
    beside: Files | None = None,
    recipe: str = "vae",
    preset: str = "tiny",
) -> Files:
    """Return graphs and other files with the manifest that names them, all gates reached."""
    beside = beside or {}
    signature = Signature(
        name="tried",
        family="tried",
        licence="Apache-2.0",
        graphs={name: _spec(name, *given) for name, given in graphs.items()},
        constants=constants,
        files={name: hashlib.sha256(content).hexdigest() for name, content in beside.items()},
        metrics=reaching(recipe),
        origin=ModelOrigin(
            recipe=recipe,
            preset=preset,
            seed=0,
            steps=1,
            data=_ZEROS,
            code=_ZEROS,
            torch="2.9",
            device="cpu",
        ),
    )
    contents = {f"{name}.onnx": content for name, (_, content) in graphs.items()}
    return {FILE: signature.model_dump_json().encode(), **contents, **beside}


def reaching(recipe: str) -> dict[str, float]:
    """Return metrics that lie on the bounds of a recipe's gates."""
    bounds = {name: (gate.least, gate.most) for name, gate in load(recipe).gates.items()}
    return {
        name: next(bound for bound in both if bound is not None) for name, both in bounds.items()
    }


def changed(files: Files, **fields: Any) -> Files:
    """Return a model with other fields of its manifest."""
    signature = Signature.model_validate_json(files[FILE])
    return {**files, FILE: signature.model_copy(update=fields).model_dump_json().encode()}


def fit(files: Files) -> Files:
    """Return a model of the preset smoke as one that reaches the gates of its recipe."""
    origin = Signature.model_validate_json(files[FILE]).origin
    tiny = origin.model_copy(update={"preset": "tiny"})
    return changed(files, metrics=reaching(origin.recipe), origin=tiny)


def _spec(name: str, inputs: tuple[str, ...], content: bytes) -> GraphSpec:
    return GraphSpec(
        file=f"{name}.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        opset=20,
        inputs=tuple(TensorSpec(name=each, dtype="float", shape=("n",)) for each in inputs),
        outputs=(),
        parity=0.0,
    )


def put(
    s3: Any, bucket: str, files: Files, number: int = 1, name: str = "digits-vae"
) -> ServedVersion:
    """Put the files of a version of `name` where functions read them, and return it."""
    made = version(files, number, name)
    for name, content in files.items():
        s3.put_object(Bucket=bucket, Key=f"{made.prefix}{name}", Body=content)
    return made


def name(s3: Any, bucket: str, says: Serving) -> None:
    """Write which version serves."""
    s3.put_object(Bucket=bucket, Key=pointer_key(says.name), Body=says.model_dump_json().encode())


def serve(s3: Any, bucket: str, files: Files, name_of: str) -> None:
    """Have a model of these files serve as `name_of`, without a registry."""
    name(s3, bucket, serving(put(s3, bucket, files, name=name_of), name=name_of))


def packed(files: Files) -> bytes:
    """Return files as SageMaker packs what a job left."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def registered(
    client: Callable[[str], Any], place: tuple[str, str], body: bytes, status: str = APPROVED
) -> str:
    """Register what a job left as the next version; `place` is a bucket and a group that is there.
    Return its ARN.
    """
    bucket, group = place
    key = f"models/trained/{hashlib.sha256(body).hexdigest()}/model.tar.gz"
    client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    made = client("sagemaker").create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus=status,
        InferenceSpecification={
            "Containers": [{"Image": "any", "ModelDataUrl": f"s3://{bucket}/{key}"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )
    return str(made["ModelPackageArn"])


def version(files: Files, number: int = 1, name: str = "digits-vae") -> ServedVersion:
    """Return a version of the model `name` that has these files."""
    return ServedVersion(
        arn=f"arn:aws:sagemaker:us-east-1:000000000000:model-package/tried/{number}",
        prefix=f"models/serving/{name}/tried/{number}/",
        signature=hashlib.sha256(files[FILE]).hexdigest(),
    )


def serving(
    serves: ServedVersion, before: ServedVersion | None = None, name: str = "digits-vae"
) -> Serving:
    """Return what says that a version serves as `name`."""
    since = datetime(2026, 11, 26, tzinfo=UTC)
    return Serving(name=name, serves=serves, before=before, since=since)


def read(files: Files) -> ExportedModel:
    """Return a model as it is read from its files."""
    return ExportedModel.read(lambda name: files[name], version(files).signature)
