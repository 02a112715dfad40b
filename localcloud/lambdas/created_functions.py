"""Functions that calls create from a ZIP archive, beside those of the template.

They are kept across restarts. Only calls change them, and only the template changes its own.
https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import lzma
import re
import shutil
import threading
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from localcloud.database import Database
from localcloud.errors import AwsError, unsupported
from localcloud.lambdas.functions import describe
from localcloud.lambdas.registry import FunctionRegistry, RegisteredFunction
from localcloud.lambdas.spec import FunctionSpec
from localcloud.service import Params, Result
from localcloud.storage_errors import is_full

MAX_ZIPPED = 50 * 1024 * 1024
MAX_UNZIPPED = 250 * 1024 * 1024
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS functions (
    name TEXT PRIMARY KEY, settings TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL)
"""
_RUNTIME = re.compile(r"python3\.\d+")
_ROLE = re.compile(r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")
_SETTINGS = frozenset(
    {
        *("Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize", "Environment"),
        *("TracingConfig", "EphemeralStorage", "LoggingConfig", "DeadLetterConfig"),
        *("Architectures", "Tags"),
    }
)
_UNREADABLE = (
    *(zipfile.BadZipFile, OSError, RuntimeError, EOFError, ValueError),
    *(zlib.error, lzma.LZMAError),
)
"""Errors of the readers of archives that are damaged, encrypted or not supported."""
_UPDATABLE = _SETTINGS - {"Architectures", "Tags"}


class CreatedFunctions:
    """The functions that calls created; `register` makes one run, and `retire` ends it."""

    def __init__(
        self,
        folder: Path,
        registry: FunctionRegistry,
        register: Callable[[FunctionSpec], None],
        retire: Callable[[RegisteredFunction], None],
        forget: Callable[[str], None],
    ) -> None:
        """Keep functions in `folder`; `forget` removes what belongs to a deleted one."""
        self._code = folder / "code"
        self._database = Database(folder / "created.sqlite", _SCHEMA)
        self._registry = registry
        self._register_spec = register
        self._retire = retire
        self._forget = forget
        self._changing = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def restore(self) -> None:
        """Register the functions of an earlier process, and remove code that none has."""
        rows = self._database.read("SELECT * FROM functions")
        used = {self._code_folder(row["name"], row["sha256"]) for row in rows}
        for folder in set(self._code.glob("*/*")) - used:
            shutil.rmtree(folder, ignore_errors=True)
        for row in rows:
            self._register(row["name"], json.loads(row["settings"]), row["sha256"])

    def create(self, params: Params) -> Result:
        """Answer CreateFunction."""
        with self._changing:
            return self._create(params)

    def _create(self, params: Params) -> Result:
        name = self._registry.name_for_new(str(params["FunctionName"]))
        _refuse_unknown(params, _SETTINGS | {"FunctionName", "Code", "PackageType", "Publish"})
        if params.get("PackageType", "Zip") != "Zip" or params.get("Publish"):
            raise unsupported("Lambda", "container images and versions of created functions")
        if self._registry.is_registered(name):
            raise AwsError(
                "ResourceConflictException", f"Function already exist: {name}", 409, Type="User"
            )
        settings = {key: params[key] for key in _SETTINGS & params.keys()}
        digest, size = self._unpack(name, params["Code"])
        try:
            self._register(name, settings, digest)
            self._keep(name, settings, digest, size)
        except Exception:
            if self._registry.is_registered(name):
                self._retire(self._registry.remove(name))
            self._remove_code(name)
            raise
        return self._described(name)

    def update_code(self, params: Params) -> Result:
        """Answer UpdateFunctionCode.

        The former code stays until the next start, as a warm environment may still read it.
        """
        with self._changing:
            return self._update_code(params)

    def _update_code(self, params: Params) -> Result:
        name, settings, _, _ = self._find(params)
        code = {key: value for key, value in params.items() if key in ("ZipFile", "S3Bucket")}
        _refuse_unknown(params, {"FunctionName", *code})
        digest, size = self._unpack(name, code)
        self._register(name, settings, digest)
        self._keep(name, settings, digest, size)
        return self._described(name)

    def update_configuration(self, params: Params) -> Result:
        """Answer UpdateFunctionConfiguration."""
        with self._changing:
            return self._update_configuration(params)

    def _update_configuration(self, params: Params) -> Result:
        name, settings, digest, size = self._find(params)
        _refuse_unknown(params, _UPDATABLE | {"FunctionName"})
        settings = settings | {key: params[key] for key in _UPDATABLE & params.keys()}
        self._register(name, settings, digest)
        self._keep(name, settings, digest, size)
        return self._described(name)

    def delete(self, params: Params) -> Result:
        """Answer DeleteFunction."""
        with self._changing:
            return self._delete(params)

    def _delete(self, params: Params) -> Result:
        name, _, _, _ = self._find(params)
        _refuse_unknown(params, {"FunctionName"})
        self._retire(self._registry.remove(name))
        self._forget(name)  # else a function of the same name would inherit it
        self._database.write("DELETE FROM functions WHERE name = ?", name)
        self._remove_code(name)
        return {}

    def _find(self, params: Params) -> tuple[str, dict[str, Any], str, int]:
        name = self._registry.find(str(params["FunctionName"])).spec.name
        rows = self._database.read("SELECT * FROM functions WHERE name = ?", name)
        if not rows:
            raise AwsError(
                "UnsupportedOperation",
                f"The function {name} comes from infra/template; change it there, and start the "
                "local cloud again.",
                501,
            )
        return name, json.loads(rows[0]["settings"]), rows[0]["sha256"], rows[0]["size"]

    def _keep(self, name: str, settings: Mapping[str, Any], digest: str, size: int) -> None:
        self._database.write(
            "INSERT OR REPLACE INTO functions VALUES (?, ?, ?, ?)",
            name,
            json.dumps(settings),
            digest,
            size,
        )

    def _register(self, name: str, settings: Mapping[str, Any], digest: str) -> None:
        self._register_spec(_spec(name, settings, self._code_folder(name, digest)))

    def _described(self, name: str) -> Result:
        row = self._database.read("SELECT * FROM functions WHERE name = ?", name)[0]
        sha256 = base64.b64encode(bytes.fromhex(row["sha256"])).decode()
        return {
            **describe(self._registry.find(name)),
            "CodeSize": row["size"],
            "CodeSha256": sha256,
        }

    def _code_folder(self, name: str, digest: str) -> Path:
        return self._code / name / digest

    def _remove_code(self, name: str) -> None:
        shutil.rmtree(self._code / name, ignore_errors=True)

    def _unpack(self, name: str, code: Mapping[str, Any]) -> tuple[str, int]:
        """Unpack an archive into a folder of its own; return its hash and its size in bytes."""
        if "ZipFile" not in code:
            raise unsupported("Lambda", "code from S3 or an image; give ZipFile")
        archive = bytes(code["ZipFile"])
        if len(archive) > MAX_ZIPPED:
            raise AwsError(
                "RequestEntityTooLargeException", f"The archive is larger than {MAX_ZIPPED}.", 413
            )
        digest = hashlib.sha256(archive).hexdigest()
        folder = self._code_folder(name, digest)
        if not folder.exists():
            draft = folder.with_name(f"{digest}.new")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            try:
                _extract(archive, draft)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
            draft.rename(folder)
        return digest, len(archive)


def _extract(archive: bytes, folder: Path) -> None:
    """Extract an archive. Raises InvalidParameterValueException for what Lambda does not take."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            members = opened.infolist()
            if sum(member.file_size for member in members) >= MAX_UNZIPPED:
                raise _invalid(f"Unzipped size must be smaller than {MAX_UNZIPPED} bytes")
            for member in members:
                parts = PurePosixPath(member.filename).parts
                if ".." in parts or member.filename.startswith("/"):
                    raise _invalid(f"The archive has a file outside of it: {member.filename}")
                opened.extract(member, folder)
    except _UNREADABLE as error:
        if is_full(error):
            raise
        raise _invalid(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from error


def _spec(name: str, settings: Mapping[str, Any], folder: Path) -> FunctionSpec:
    runtime, role = str(settings.get("Runtime", "")), str(settings.get("Role", ""))
    if not _RUNTIME.fullmatch(runtime):
        raise unsupported("Lambda", f"the runtime {runtime or 'of an image'}; it runs Python")
    if not _ROLE.fullmatch(role):
        raise _invalid(f"{role!r} is not the ARN of a role")
    logging = settings.get("LoggingConfig", {})
    return FunctionSpec(
        name=name,
        handler=str(settings.get("Handler", "")),
        code_path=folder,
        environment=settings.get("Environment", {}).get("Variables", {}),
        memory_mb=settings.get("MemorySize", 128),
        timeout_s=settings.get("Timeout", 3),
        role_arn=role,
        architecture=settings.get("Architectures", ["x86_64"])[0],
        runtime=runtime,
        description=settings.get("Description", ""),
        dead_letter=settings.get("DeadLetterConfig", {}).get("TargetArn"),
        tracing=settings.get("TracingConfig", {}).get("Mode", "PassThrough"),
        storage_mb=settings.get("EphemeralStorage", {}).get("Size", 512),
        tags=settings.get("Tags", {}),
        log_format=logging.get("LogFormat", "Text"),
        log_group=logging.get("LogGroup", ""),
    )


def _refuse_unknown(params: Params, known: frozenset[str] | set[str]) -> None:
    unknown = sorted(params.keys() - known)
    if unknown:
        raise unsupported("Lambda", f"the parameter {unknown[0]} of created functions")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)
