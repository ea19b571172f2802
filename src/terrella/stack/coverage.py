"""What becomes of each resource and property of a template here, read off the support tables."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from terrella.stack.errors import Mistake, PathStep
from terrella.stack.intrinsics import text_of
from terrella.stack.local_files import mapping_at
from terrella.stack.parameters import parameter_values
from terrella.stack.resources import Stack
from terrella.stack.support import Property, ResourceType, Verdict, resource_type
from terrella.stack.template import Template, Translation

_ANY_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The verdict on a resource (``property`` is None) or on one of its properties (dotted, with list positions)."""

    logical_id: str
    type: str
    property: str | None
    verdict: Verdict
    reason: str
    line: int


def coverage(template: Template, stack: Stack | None = None) -> list[Coverage]:
    """The verdict on each resource and property, in the order of the template. Raises ``TemplateError``.

    With a ``stack``, only the resources that it has are judged, by their resolved properties; without, all of the
    template's, as far as their properties are plain values. A refused resource's properties are not judged.
    """
    if stack is not None:
        judged = {name: (one.type, one.properties) for name, one in stack.resources.items()}
        code_paths: Mapping[str, str] = {name: "" for name, one in stack.resources.items() if one.code_path}
    else:
        translation = _translation(template)
        resources = mapping_at(translation.document, "Resources")
        judged = {name: (one["Type"], one.get("Properties") or {}) for name, one in resources.items()}
        code_paths = translation.code_paths
    found = [row for name, (kind, properties) in judged.items() for row in _judge(template, name, kind, properties)]
    archives = [name for name, path in code_paths.items() if path.endswith((".zip", ".jar"))]
    found += [_code_row(template, name, _IS_ARCHIVE) for name in archives]
    found += [
        _code_row(template, name, "the function has no code that can be found here: name a local directory")
        for name, (kind, properties) in judged.items()
        if kind == "AWS::Lambda::Function" and name not in code_paths and "Code" not in properties
    ]
    if "Rules" in template.source:
        line = template.line_of(("Rules",))
        found.append(Coverage("Rules", "Rules", None, Verdict.INERT, "rules on parameters are not applied here", line))
    return sorted(found, key=lambda row: row.line)


_IS_ARCHIVE = "the code is an archive; a directory is needed here"


def _translation(template: Template) -> Translation:
    """The template translated with its defaults: what resources there are does not depend on the values."""
    declared = mapping_at(template.source, "Parameters")
    without_default = {
        name: "" for name, one in declared.items() if not isinstance(one, dict) or one.get("Default") is None
    }
    defaults = {name: one["Default"] for name, one in declared.items() if name not in without_default}
    try:
        values = parameter_values(template.source, defaults)
    except Mistake:
        values = {**defaults}
    return template.translated({**values, "AWS::Region": _ANY_REGION})


def _code_row(template: Template, logical_id: str, reason: str) -> Coverage:
    line = template.line_of(template.code_path_of(logical_id))
    return Coverage(logical_id, "AWS::Lambda::Function", "Code", Verdict.REFUSED, reason, line)


def _judge(template: Template, logical_id: str, kind: str, properties: Mapping[str, Any]) -> Iterator[Coverage]:
    known = resource_type(kind)
    where: tuple[PathStep, ...] = ("Resources", logical_id)
    yield Coverage(logical_id, kind, None, known.verdict, known.reason, template.line_of(where))
    if known.verdict is Verdict.HONOURED:
        for path, verdict, reason in judge_properties(properties, known):
            yield Coverage(
                logical_id, kind, _dotted(path), verdict, reason, template.line_of((*where, "Properties", *path))
            )


def judge_properties(
    properties: Mapping[str, Any], known: ResourceType
) -> Iterator[tuple[tuple[PathStep, ...], Verdict, str]]:
    """Path, verdict and reason of each property; of the members of mappings too, where they are not simply honoured."""
    for path, what, value in _walk(properties, known.properties, ()):
        if what is None:
            yield path, Verdict.REFUSED, f"terrella does not know this property of {known.name}"
        elif (unfit := _unfit(value, what.allowed)) is not None:
            yield path, Verdict.REFUSED, f"{unfit}: {what.otherwise}"
        elif len(path) == 1 or what.verdict is not Verdict.HONOURED:
            yield path, what.verdict, what.reason


def _unfit(value: Any, allowed: str | None) -> str | None:
    """The first plain value that the regular expression does not allow; None if there is none."""
    for one in value if isinstance(value, list) else [value]:
        if allowed and isinstance(one, str | bool) and not re.fullmatch(allowed, text_of(one)):
            return text_of(one)
    return None


def _walk(
    value: Any, members: Mapping[str, Property], path: tuple[PathStep, ...]
) -> Iterator[tuple[tuple[PathStep, ...], Property | None, Any]]:
    if isinstance(value, list):
        for index, part in enumerate(value):
            yield from _walk(part, members, (*path, index))
    if not isinstance(value, Mapping):
        return
    if "Fn::If" in value and isinstance(value["Fn::If"], list):
        for index, branch in enumerate(value["Fn::If"][1:], 1):
            yield from _walk(branch, members, (*path, "Fn::If", index))
        return
    for name, part in value.items():
        if name == "Ref" or name.startswith("Fn::"):
            continue  # its value is not known before the template is evaluated
        what = members.get(name)
        yield (*path, name), what, part
        if what is not None and what.members is not None:
            yield from _walk(part, what.members, (*path, name))


def _dotted(path: tuple[PathStep, ...]) -> str:
    return ".".join(str(step) for step in path)
