"""Walking YAML by its nodes, so that every mistake can be reported with its line: found X, expected Y."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import yaml

from terrella.kernel import TerrellaError

T = TypeVar("T")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LONG = 60


VALUES_MAX = 100_000


class MistakesError(TerrellaError):
    """What is wrong with a file: one ``FILE:LINE: found X, expected Y`` a line, in the order of the file."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``key: value`` of a mapping."""

    key: str
    key_node: yaml.Node
    value: yaml.Node


class Document:
    """A YAML file and the mistakes found in it so far. ``name`` is how the file is called in messages."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._found: list[tuple[int, str]] = []
        try:
            self.root: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
            problem = " ".join(part for part in (error.context, error.problem) if part)
            raise MistakesError([f"{name}:{line}: found what is no YAML ({problem}), expected YAML"]) from error
        except yaml.YAMLError as error:
            raise MistakesError([f"{name}:1: found what is no YAML ({error}), expected YAML"]) from error
        if self.root is not None and _unfolded(self.root, {}) > VALUES_MAX:
            line = self.root.start_mark.line + 1
            found = f"more than {VALUES_MAX:,} values, or an alias within what it names,"
            raise MistakesError([f"{name}:{line}: found {found} once aliases are unfolded, expected fewer"])

    def mistake(self, where: yaml.Node | None, found: str, expected: str) -> None:
        """Note a mistake; reading goes on, so that all are told at once."""
        line = where.start_mark.line + 1 if where is not None else 1
        self._found.append((line, f"{self.name}:{line}: found {found}, expected {expected}"))

    def raise_mistakes(self) -> None:
        """Raise ``MistakesError`` if there were any."""
        if self._found:
            raise MistakesError([message for _, message in sorted(self._found, key=lambda each: each[0])])

    def entries(self, node: yaml.Node | None, expected: str) -> list[Entry]:
        """A mapping's entries, in order; an empty value is an empty mapping."""
        if node is None or _is_null(node):
            return []
        if not isinstance(node, yaml.MappingNode):
            self.mistake(node, show(node), expected)
            return []
        entries: dict[str, Entry] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistake(key_node, show(key_node), "a plain key")
            elif key_node.value in entries:
                first = entries[key_node.value].key_node.start_mark.line + 1
                self.mistake(key_node, f"{key_node.value} a second time", f"it once (it is in line {first} already)")
            else:
                entries[key_node.value] = Entry(key_node.value, key_node, value)
        return list(entries.values())

    def keys(self, node: yaml.Node | None, known: Iterable[str], what: str) -> Mapping[str, Entry]:
        """A mapping whose keys are known; any other is a mistake. ``what`` names the mapping: ``a link``."""
        known = list(known)
        expected = f"{what}, a mapping with {either(known)}"
        found = {}
        for entry in self.entries(node, expected):
            if entry.key in known:
                found[entry.key] = entry
            else:
                self.mistake(entry.key_node, f"the key {entry.key}", f"{either(known)}{did_you_mean(entry.key, known)}")
        return found

    def find(self, entry: Entry | None, *path: str) -> yaml.Node | None:
        """The key at the end of a path of keys, for messages; None if nothing stands there."""
        for key in path:
            if entry is None or not isinstance(entry.value, yaml.MappingNode):
                return None
            pairs = ((each, value) for each, value in entry.value.value if each.value == key)
            found = next(pairs, None)
            entry = Entry(key, *found) if found is not None else None
        return entry.key_node if entry is not None else None

    def items(self, node: yaml.Node, expected: str) -> list[yaml.Node]:
        """A list's items."""
        if not isinstance(node, yaml.SequenceNode):
            self.mistake(node, show(node), expected)
            return []
        return list(node.value)

    def scalar(self, node: yaml.Node, expected: str, read: Callable[[str], T]) -> T | None:
        """A single value as ``read`` understands its text (``ValueError`` if it does not); None after a mistake."""
        if isinstance(node, yaml.ScalarNode) and not _is_null(node):
            try:
                return read(node.value)
            except ValueError:
                pass
        self.mistake(node, show(node), expected)
        return None


def _unfolded(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node is once every alias stands for what it names; one within itself is without end."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = VALUES_MAX + 1  # what is found again before it is counted lies within itself
        parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(_unfolded(part, known) for part in parts)
    return known[id(node)]


def show(node: yaml.Node) -> str:
    """What stands there, in a few words."""
    if _is_null(node):
        return "nothing"
    if isinstance(node, yaml.ScalarNode):
        text = str(node.value)
        return text if len(text) <= _LONG else text[:_LONG] + "…"
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"


def either(words: Iterable[str]) -> str:
    """``a, b or c``."""
    words = list(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` (did you mean X?)``, or nothing if nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def is_plain_list(node: yaml.Node) -> bool:
    """A list of single values."""
    return isinstance(node, yaml.SequenceNode) and all(isinstance(each, yaml.ScalarNode) for each in node.value)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
