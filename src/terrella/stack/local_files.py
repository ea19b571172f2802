"""What a template names by a local path: code directories and API definitions.

SAM's translator takes only S3 addresses, because ``sam package`` has uploaded everything by then. So local code is
given a made-up address before the translation and found by it afterwards, and a local API definition is put in the
template's own text.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from terrella.stack.errors import Mistake, at

BUCKET = "terrella-local"
_API_TYPES = ("AWS::Serverless::Api", "AWS::Serverless::HttpApi")
TRANSLATED_TYPES = frozenset({*_API_TYPES, "AWS::Serverless::Function", "AWS::Serverless::SimpleTable"})
CONNECTOR = "AWS::Serverless::Connector"


@dataclass(slots=True)
class Prepared:
    """A template that the translator can take, and what was taken out of it.

    ``code_paths`` are the local paths, by the number in their made-up address; ``set_aside`` are the resources that are
    not translated (they are refused by their own name), or are nothing but permissions.
    """

    template: dict[str, Any]
    code_paths: list[str] = field(default_factory=list)
    set_aside: dict[str, Any] = field(default_factory=dict)


def prepare(source: dict[str, Any]) -> Prepared:
    """Make a copy of a SAM template ready for the translator."""
    prepared = Prepared(copy.deepcopy(source))
    defaults = mapping_at(prepared.template, "Globals", "Function")
    if "CodeUri" in defaults:
        defaults["CodeUri"] = _address(prepared, defaults["CodeUri"])
    resources = mapping_at(prepared.template, "Resources")
    for logical_id, resource in list(resources.items()):
        if not isinstance(resource, dict):
            continue
        resource.pop("Connectors", None)
        kind = resource.get("Type")
        if kind == "AWS::Serverless::Function":
            properties = resource.setdefault("Properties", {})
            if isinstance(properties, dict):
                _prepare_function(prepared, properties, defaults)
        elif isinstance(kind, str) and kind.startswith("AWS::Serverless::") and kind not in TRANSLATED_TYPES:
            prepared.set_aside[logical_id] = resources.pop(logical_id)
    return prepared


def _prepare_function(prepared: Prepared, properties: dict[str, Any], defaults: dict[str, Any]) -> None:
    if "CodeUri" in properties:
        properties["CodeUri"] = _address(prepared, properties["CodeUri"])
        return
    image = "Image" in (properties.get("PackageType"), defaults.get("PackageType"))
    if "InlineCode" not in properties and "ImageUri" not in properties and not image and "CodeUri" not in defaults:
        properties["CodeUri"] = _address(prepared, ".")  # as ``sam build`` and ``sam package`` take it


def _address(prepared: Prepared, path: Any) -> Any:
    if not isinstance(path, str) or path.startswith("s3://"):
        return path
    if path not in prepared.code_paths:
        prepared.code_paths.append(path)
    return f"s3://{BUCKET}/{prepared.code_paths.index(path)}"


def restore(document: dict[str, Any], prepared: Prepared) -> dict[str, str]:
    """Put back what was set aside, take the made-up addresses out; the local path of each function's code."""
    resources = mapping_at(document, "Resources")
    resources.update(prepared.set_aside)
    paths: dict[str, str] = {}
    for logical_id, resource in resources.items():
        if not isinstance(resource, dict) or resource.get("Type") != "AWS::Lambda::Function":
            continue
        properties = resource.get("Properties")
        code = properties.get("Code") if isinstance(properties, dict) else None
        if isinstance(code, str) and not code.startswith("s3://"):
            paths[logical_id] = code
            del resource["Properties"]["Code"]
        elif isinstance(code, dict) and code.get("S3Bucket") == BUCKET:
            paths[logical_id] = prepared.code_paths[int(code["S3Key"])]
            del resource["Properties"]["Code"]
    return paths


def inline_definitions(source: dict[str, Any], read: Callable[[str], Any]) -> Iterator[str]:
    """Put local API definitions and ``AWS::Include`` files in their places; yields the paths that were read.

    ``read`` gives a file's tree by its path as the template writes it. Raises ``Mistake``.
    """
    for logical_id, resource in mapping_at(source, "Resources").items():
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        if not isinstance(properties, dict):
            continue
        uri = properties.get("DefinitionUri")
        if resource.get("Type") in _API_TYPES and isinstance(uri, str) and not uri.startswith("s3://"):
            with at("Resources", logical_id, "Properties", "DefinitionUri"):
                properties["DefinitionBody"] = read(uri)
            del properties["DefinitionUri"]
            yield uri
    yield from _include(source, read)


def _include(node: Any, read: Callable[[str], Any]) -> Iterator[str]:
    for key, child in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if not isinstance(child, dict | list):
            continue
        with at(key):
            if isinstance(child, dict) and "Fn::Transform" in child:
                node[key], location = _included(child, read)
                yield location
            else:
                yield from _include(child, read)


def _included(node: dict[str, Any], read: Callable[[str], Any]) -> tuple[Any, str]:
    transform = node["Fn::Transform"]
    name = transform.get("Name") if isinstance(transform, dict) else transform
    parameters = transform.get("Parameters") if isinstance(transform, dict) else None
    location = parameters.get("Location") if isinstance(parameters, dict) else None
    if name != "AWS::Include":
        raise Mistake(f"Fn::Transform names {name!r}; only AWS::Include can be done here", ["Fn::Transform"])
    if not isinstance(location, str) or location.startswith("s3://"):
        raise Mistake(f"AWS::Include names {location!r}; only a local file can be included here", ["Fn::Transform"])
    included = read(location)
    siblings = {key: value for key, value in node.items() if key != "Fn::Transform"}
    if not siblings:
        return included, location
    if not isinstance(included, dict):
        raise Mistake(
            f"{location} holds no mapping, so it cannot be merged with what stands beside it", ["Fn::Transform"]
        )
    return {**included, **siblings}, location


def mapping_at(tree: Any, *path: str) -> dict[str, Any]:
    """The mapping at a path, or an empty one that is not part of the tree."""
    for step in path:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}
