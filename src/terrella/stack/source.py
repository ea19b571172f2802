"""YAML or JSON text to a plain tree and the lines of its nodes; CloudFormation's short tags become its long functions.

PyYAML's own C parser composes the nodes; it is imported only here, and this module only when no cached tree fits.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from terrella.stack.errors import TemplateError
from terrella.stack.lines import LineTree

_LONG_NAMES = {"!Ref": "Ref", "!Condition": "Condition"}
_SHORT_FUNCTIONS = frozenset(
    {"And", "Base64", "Cidr", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue", "Join", "Length", "Not"}
    | {"Or", "Select", "Split", "Sub", "ToJsonString", "Transform"}
)
_STANDARD = "tag:yaml.org,2002:"
_MERGE = _STANDARD + "merge"

try:
    _Loader: Any = yaml.CSafeLoader
except AttributeError:  # PyYAML was built without libyaml: slower, the same result
    _Loader = yaml.SafeLoader


def parse(text: str, file: Path) -> tuple[Any, LineTree]:
    """The tree of a document and the lines of its nodes; raises ``TemplateError``."""
    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")  # JSON may be indented by tabs, YAML may not; JSON's strings hold none
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise TemplateError(file, 1, "the file is empty; expected a SAM or CloudFormation template")
        return _Builder(loader, file).build(node, node.start_mark.line + 1)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line, text.count("\n")) + 1 if mark else 1  # the end of the text is no line of its own
        detail = " ".join(part for part in (error.context, error.problem) if part)
        raise TemplateError(file, line, f"this is not YAML: {detail}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise TemplateError(file, 1, f"this is not YAML: {error}") from error
    finally:
        loader.dispose()


class _Builder:
    """Turns composed nodes into plain values. An alias stands for the lines of its anchor."""

    def __init__(self, loader: Any, file: Path) -> None:
        self._loader = loader
        self._file = file
        self._open: set[int] = set()

    def build(self, node: yaml.Node, line: int) -> tuple[Any, LineTree]:
        """The value, and its line tree; ``line`` is where the node's key stands (else where the node begins)."""
        if id(node) in self._open:
            raise self._error(node, "an alias contains itself")
        tag = node.tag
        if tag.startswith(_STANDARD):
            return self._plain(node, line)
        name = _LONG_NAMES.get(tag) or (f"Fn::{tag[1:]}" if tag[1:] in _SHORT_FUNCTIONS else None)
        if name is None:
            raise self._error(node, f"the tag {tag} is unknown; expected one of CloudFormation's, such as !Ref or !Sub")
        value, lines = self._plain(node, line)
        if name == "Fn::GetAtt" and isinstance(value, str):
            resource, _, attribute = value.partition(".")
            value, lines = [resource, attribute], line
        return {name: value}, [line, {name: lines}]

    def _plain(self, node: yaml.Node, line: int) -> tuple[Any, LineTree]:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node), line
        self._open.add(id(node))
        try:
            return self._sequence(node, line) if isinstance(node, yaml.SequenceNode) else self._mapping(node, line)
        finally:
            self._open.discard(id(node))

    def _sequence(self, node: yaml.SequenceNode, line: int) -> tuple[list[Any], LineTree]:
        built = [self.build(child, child.start_mark.line + 1) for child in node.value]
        return [value for value, _ in built], [line, [lines for _, lines in built]]

    def _mapping(self, node: yaml.Node, line: int) -> tuple[dict[str, Any], LineTree]:
        values: dict[str, Any] = {}
        lines: dict[str, LineTree] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            key = self._key(key_node)
            if key in values:
                raise self._error(key_node, f"the key {key} stands here twice, first on line {_first(lines[key])}")
            values[key], lines[key] = self.build(value_node, key_node.start_mark.line + 1)
        for source in merged:
            if not isinstance(source, yaml.MappingNode):
                raise self._error(source, "<< merges mappings; something else was found")
            more, more_lines = self.build(source, line)
            values = {**more, **values}
            lines = {**more_lines[1], **lines}
        return values, [line, lines]

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, "a key is text; a list or mapping was found")
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        kind = node.tag.removeprefix(_STANDARD)
        if kind == "int":
            # An account id such as 012345670123 is text to a person, and an octal number to YAML 1.1.
            return text if re.fullmatch(r"0[0-9_]+", text) else self._loader.construct_yaml_int(node)
        if kind == "float":
            return self._loader.construct_yaml_float(node)
        if kind == "bool":
            return self._loader.construct_yaml_bool(node)
        if kind == "null":
            return None
        return text  # timestamps too: "2012-10-17" is a version to AWS, not a day

    def _error(self, node: yaml.Node, message: str) -> TemplateError:
        return TemplateError(self._file, node.start_mark.line + 1, message)


def _first(lines: LineTree) -> int:
    return int(lines[0] if isinstance(lines, list) else lines)
