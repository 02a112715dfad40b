"""The versions of models that a stage serves, below `models/serving/` of its bucket."""

from __future__ import annotations

from pydantic import ValidationError

from chalicelib.adapters.s3 import S3Objects
from chalicelib.contracts.serving import ServedVersion, Serving, pointer_key
from chalicelib.errors import ModelFailure, NotFound


class ModelVersions:
    """The versions of models that are served, and their files."""

    def __init__(self, objects: S3Objects, bucket: str) -> None:
        self._objects = objects
        self._bucket = bucket

    def serving(self, name: str) -> Serving | None:
        """Return what is served as `name`, None where nothing is.

        Raises:
            ModelFailure: what stands there is nothing of ours.
            Throttled, Transient: S3 does not answer now.
        """
        key = pointer_key(name)
        try:
            return Serving.model_validate_json(self._objects.read(self._bucket, key))
        except NotFound:
            return None
        except ValidationError as error:
            raise ModelFailure(f"{key} cannot be read; serve {name} anew: {error}") from error

    def file(self, version: ServedVersion, name: str) -> bytes:
        """Return a file of a version; raises `NotFound`, `Throttled` or `Transient`."""
        return self.read(version.key_of(name))

    def read(self, key: str) -> bytes:
        """Return what lies at a key; raises `NotFound`, `Throttled` or `Transient`."""
        return self._objects.read(self._bucket, key)
