"""AWS's own service models, as botocore ships them."""

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from botocore.loaders import JSONFileLoader, Loader

Shape = dict[str, Any]
"""A shape as the model writes it: ``type``, and by type ``members``, ``required``, ``member``, ``key``, ``value``,
``enum``, ``min``, ``max``, ``pattern``."""


class _MsgspecFileLoader(JSONFileLoader):
    """Reads a model 30 times faster than botocore's own loader (6 ms instead of 0.2 s for DynamoDB's)."""

    def exists(self, file_path: str) -> bool:
        return any(Path(file_path + ending).is_file() for ending in (".json", ".json.gz"))

    def load_file(self, file_path: str) -> Any:
        plain, packed = Path(file_path + ".json"), Path(file_path + ".json.gz")
        if plain.is_file():
            return msgspec.json.decode(plain.read_bytes())
        return msgspec.json.decode(gzip.decompress(packed.read_bytes())) if packed.is_file() else None


class ServiceModel:
    """One service's operations and shapes."""

    def __init__(self, model: dict[str, Any]) -> None:
        self._shapes: dict[str, Shape] = model["shapes"]
        self._operations: dict[str, dict[str, Any]] = model["operations"]
        self.target_prefix: str = model["metadata"].get("targetPrefix", "")
        self.json_version: str = model["metadata"].get("jsonVersion", "1.0")

    @property
    def operation_names(self) -> list[str]:
        """Every operation of the service, sorted."""
        return sorted(self._operations)

    def input_shape_name(self, operation: str) -> str | None:
        """The name of an operation's input structure; None if it takes none."""
        shape = self._operations[operation].get("input")
        return shape["shape"] if shape else None

    def members(self, operation: str) -> list[str]:
        """The names of an operation's parameters, in the model's order."""
        name = self.input_shape_name(operation)
        return list(self._shapes[name]["members"]) if name else []

    def shape(self, name: str) -> Shape:
        """A shape by name; raises ``KeyError``."""
        return self._shapes[name]


@cache
def load_service_model(service: str) -> ServiceModel:
    """The newest model of a service (``dynamodb``) that the installed botocore holds."""
    loader = Loader(file_loader=_MsgspecFileLoader())
    # Not load_service_model: it first lists the directories of every service there is (0.1 s).
    version = loader.determine_latest_version(service, "service-2")
    return ServiceModel(loader.load_data(f"{service}/{version}/service-2"))
