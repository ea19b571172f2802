"""AWS's own service models, as botocore ships them."""

import gzip
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

Shape = dict[str, Any]
"""A shape as the model writes it: ``type``, and by type ``members``, ``required``, ``member``, ``key``, ``value``,
``enum``, ``min``, ``max``, ``pattern``."""


class ServiceModel:
    """One service's operations and shapes."""

    def __init__(self, model: dict[str, Any]) -> None:
        self._shapes: dict[str, Shape] = model["shapes"]
        self._operations: dict[str, dict[str, Any]] = model["operations"]
        self.target_prefix: str = model["metadata"].get("targetPrefix", "")
        self.api_version: str = model["metadata"].get("apiVersion", "")
        self.xml_namespace: str = model["metadata"].get("xmlNamespace", "")
        self.json_version: str = model["metadata"].get("jsonVersion", "1.0")

    @property
    def operation_names(self) -> list[str]:
        """Every operation of the service, sorted."""
        return sorted(self._operations)

    def input_shape_name(self, operation: str) -> str | None:
        """The name of an operation's input structure; None if it takes none."""
        shape = self._operations[operation].get("input")
        return shape["shape"] if shape else None

    def output_shape_name(self, operation: str) -> str | None:
        """The name of an operation's output structure; None if it answers none."""
        shape = self._operations[operation].get("output")
        return shape["shape"] if shape else None

    @property
    def shapes(self) -> dict[str, Shape]:
        """Every shape by name."""
        return self._shapes

    def query_error(self, code: str, status: int) -> tuple[int, str, str]:
        """An error by its shape's name: the status, and the code and fault by which the query protocol knows it."""
        known = self._shapes.get(code, {}).get("error", {})
        status = known.get("httpStatusCode", status)
        return status, known.get("code", code), "Receiver" if status >= 500 else "Sender"

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
    return ServiceModel(read_service_model(service))


def read_service_model(service: str) -> dict[str, Any]:
    """The newest model's file of a service, as it stands there.

    Read from botocore's files without botocore: its loader takes 0.2 s for DynamoDB's model instead of 6 ms, and
    importing it brings urllib3 and dateutil into every region.
    """
    botocore = find_spec("botocore")
    assert botocore is not None, "botocore is a dependency"
    assert botocore.origin is not None, "botocore is a package"
    versions = (Path(botocore.origin).parent / "data" / service).glob("*/service-2.json*")
    newest = max(versions, key=lambda path: path.parent.name)
    content = newest.read_bytes()
    decoded: dict[str, Any] = msgspec.json.decode(gzip.decompress(content) if newest.suffix == ".gz" else content)
    return decoded
