"""What a YAML node says, and where in it a key stands."""

from typing import Any

import yaml


def plain(node: yaml.Node) -> Any:
    """The value, as YAML reads it."""
    return yaml.SafeLoader("").construct_document(node)


def find_key(node: yaml.Node, key: str) -> yaml.Node | None:
    """Where a key stands, at any depth; None if it does not."""
    if not isinstance(node, yaml.MappingNode):
        return None
    for key_node, value in node.value:
        if isinstance(key_node, yaml.ScalarNode) and key_node.value == key:
            return key_node
        if (below := find_key(value, key)) is not None:
            return below
    return None
