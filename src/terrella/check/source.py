"""The template as it was written: resources, references in them, text in them. Nothing here is evaluated."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Steps = tuple[str | int, ...]
_IN_SUB = re.compile(r"\$\{(?!!)([^}]+)\}")
_OPAQUE = ("Fn::GetAtt", "Fn::ImportValue", "Fn::FindInMap", "Fn::GetAZs", "Fn::Select", "Fn::Transform")
ELSEWHERE = "?"
"""Stands among the references of a value for what is known only when the stack is made, or differs by region."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource as its author wrote it."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    condition: str | None

    @property
    def path(self) -> Steps:
        """Of its properties."""
        return ("Resources", self.logical_id, "Properties")


def declared(source: Mapping[str, Any]) -> Iterator[Declared]:
    """Every resource of a template's tree."""
    for logical_id, resource in source.get("Resources", {}).items():
        if isinstance(resource, Mapping) and isinstance(resource.get("Type"), str):
            properties = resource.get("Properties")
            condition = resource.get("Condition")
            yield Declared(
                logical_id,
                resource["Type"],
                properties if isinstance(properties, Mapping) else {},
                condition if isinstance(condition, str) else None,
            )


def mapping(value: Any, *steps: str) -> Mapping[str, Any]:
    """The mapping at the end of these steps; an empty one if there is none."""
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def listing(value: Any) -> list[Any]:
    """A list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def texts(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, str]]:
    """Every text in a tree, with its path; ``Fn::If``'s and others' arguments too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from texts(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from texts(part, (*path, index))


def references(value: Any) -> set[str]:
    """The names that a value refers to by ``Ref`` and ``Fn::Sub``; ``ELSEWHERE`` if it depends on more than names."""
    found: set[str] = set()
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name == "Ref":
                found.add(str(part))
            elif name in _OPAQUE or name == "Fn::If":
                found.add(ELSEWHERE)
            elif name == "Fn::Sub":
                template, given = (part[0], part[1]) if isinstance(part, list) and len(part) == 2 else (part, {})
                found |= {name for name in _IN_SUB.findall(str(template)) if name not in given}
                found |= references(given)
            else:
                found |= references(part)
    elif isinstance(value, list):
        for part in value:
            found |= references(part)
    elif isinstance(value, str) and "{{resolve:" in value:
        found.add(ELSEWHERE)
    return {ELSEWHERE if "." in name and not name.startswith("AWS::") else name for name in found}


def literal(value: Any) -> str:
    """The text of a value as it is written, with what it refers to left standing: ``${AWS::StackName}-items``."""
    if isinstance(value, Mapping):
        if "Ref" in value:
            return f"${{{value['Ref']}}}"
        if "Fn::Sub" in value:
            part = value["Fn::Sub"]
            return str(part[0] if isinstance(part, list) and part else part)
        if "Fn::Join" in value and isinstance(value["Fn::Join"], list) and len(value["Fn::Join"]) == 2:
            separator, parts = value["Fn::Join"]
            return str(separator).join(literal(part) for part in listing(parts))
        return f"${{{ELSEWHERE}}}"
    return str(value)
