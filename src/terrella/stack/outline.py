"""The outline of a template: its sections, and that each resource has a type. The rest is judged where it is used."""

from typing import Any

from terrella.stack.errors import Mistake, at

SAM = "AWS::Serverless-2016-10-31"
_TRANSFORMS = frozenset({SAM, "AWS::LanguageExtensions"})
_SECTIONS = frozenset(
    {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions"}
    | {"Transform", "Globals", "Resources", "Outputs"}
)
_MAPPINGS = frozenset({"Parameters", "Mappings", "Conditions", "Resources", "Outputs", "Globals"})


def transforms(source: dict[str, Any]) -> list[Any]:
    """The template's transforms, in order."""
    declared = source.get("Transform", [])
    return declared if isinstance(declared, list) else [declared]


def check_outline(source: Any) -> None:
    """Refuse what is no template; drop what stands empty (``Outputs:`` with nothing below). Raises ``Mistake``."""
    if not isinstance(source, dict):
        raise Mistake("a template is a mapping with a section Resources; something else was found")
    for section in [name for name, content in source.items() if content is None]:
        del source[section]
    for section, content in source.items():
        with at(section):
            _check_section(section, content)
    if not source.get("Resources"):
        raise Mistake("the template has no Resources")
    is_sam = SAM in transforms(source)
    for logical_id, resource in source["Resources"].items():
        with at("Resources", logical_id):
            _check_resource(logical_id, resource)
            if not is_sam and resource["Type"].startswith("AWS::Serverless::"):
                raise Mistake(f"{resource['Type']} needs the line Transform: {SAM}", ["Type"])


def _check_section(section: str, content: Any) -> None:
    if section not in _SECTIONS:
        raise Mistake(f"there is no section {section}; expected one of {', '.join(sorted(_SECTIONS))}")
    if section == "Transform":
        for transform in content if isinstance(content, list) else [content]:
            if not isinstance(transform, str) or transform not in _TRANSFORMS:
                raise Mistake(f"the transform {transform!r} cannot be run here; expected {SAM}")
    if section in _MAPPINGS:
        if not isinstance(content, dict):
            raise Mistake(f"{section} must be a mapping; found {_kind(content)}")
        for name in content:
            if name.startswith("Fn::ForEach"):
                raise Mistake("Fn::ForEach is not built yet; write the entries out", [name])


def _check_resource(logical_id: str, resource: Any) -> None:
    if not logical_id.isalnum():
        raise Mistake(f"the logical id {logical_id!r} has characters other than letters and digits")
    if not isinstance(resource, dict):
        raise Mistake(f"the resource {logical_id} must be a mapping; found {_kind(resource)}")
    if not isinstance(resource.get("Type"), str):
        raise Mistake(f"the resource {logical_id} has no Type")
    if resource.get("Properties", {}) is None:
        del resource["Properties"]
    properties = resource.get("Properties", {})
    if not isinstance(properties, dict):
        raise Mistake(f"the Properties of {logical_id} must be a mapping; found {_kind(properties)}", ["Properties"])


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", type(None): "nothing", bool: "a boolean"}
    return names.get(type(value), "a number")
