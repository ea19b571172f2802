"""CloudFormation's intrinsic functions, one small function each, and the walk that applies them to a tree."""

import base64
import itertools
import re
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from terrella.stack.errors import Mistake, at


class Surroundings(Protocol):
    """What an intrinsic function may ask of the template that it stands in. Every answer may raise ``Mistake``."""

    def reference(self, name: str) -> Any:
        """What ``Ref`` of a parameter, pseudo parameter or resource answers."""
        ...

    def attribute(self, logical_id: str, name: str) -> Any:
        """What ``Fn::GetAtt`` answers."""
        ...

    def condition(self, name: str) -> bool:
        """Whether a named condition holds."""
        ...

    def mapping(self, name: str) -> Any:
        """A mapping of the template; None if there is none of that name."""
        ...

    def zones(self, region: str) -> list[str]:
        """The names of a region's availability zones; of this one, if ``region`` is empty."""
        ...


class _Absent:
    """What ``AWS::NoValue`` stands for: the property or list element is left out."""

    def __repr__(self) -> str:
        return "AWS::NoValue"


ABSENT = _Absent()
_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")


def resolve(node: Any, around: Surroundings) -> Any:
    """The tree with every intrinsic function replaced by its value; raises ``Mistake``, which knows its path."""
    if isinstance(node, dict):
        return _resolve_mapping(node, around)
    if isinstance(node, list):
        values = []
        for index, child in enumerate(node):
            with at(index):
                value = resolve(child, around)
            if value is not ABSENT:
                values.append(value)
        return values
    if node is None:
        raise Mistake("there is no value here; CloudFormation takes no null")
    return node


def _resolve_mapping(node: dict[str, Any], around: Surroundings) -> Any:
    if len(node) == 1:
        ((name, argument),) = node.items()
        if name == "Ref" or name.startswith("Fn::"):
            function = FUNCTIONS.get(name)
            if function is None:
                raise Mistake(f"{name} is not built; known are {', '.join(FUNCTIONS)}", [name])
            with at(name):
                return function(argument, around)
    values = {}
    for key, child in node.items():
        if key.startswith("Fn::"):
            raise Mistake(f"{key} stands beside other keys; an intrinsic function stands alone in its mapping", [key])
        with at(key):
            value = resolve(child, around)
        if value is not ABSENT:
            values[key] = value
    return values


def text_of(value: Any) -> str:
    """A scalar as CloudFormation writes it into text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    found = "AWS::NoValue" if value is ABSENT else "a list" if isinstance(value, list) else "a mapping"
    raise Mistake(f"text is needed here; found {found}")


def _arguments(function: str, argument: Any, counts: range, form: str) -> list[Any]:
    if not isinstance(argument, list) or len(argument) not in counts:
        raise Mistake(f"{function} takes {form}; found {_show(argument)}")
    return argument


def _resolved(argument: list[Any], index: int, around: Surroundings) -> Any:
    with at(index):
        return resolve(argument[index], around)


def _texts(argument: list[Any], index: int, around: Surroundings, function: str) -> list[Any]:
    value = _resolved(argument, index, around)
    if not isinstance(value, list):
        raise Mistake(f"{function} needs a list here; found {_show(value)}", [index])
    return value


def _show(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _ref(argument: Any, around: Surroundings) -> Any:
    if not isinstance(argument, str):
        raise Mistake(f"Ref takes the name of a parameter or resource; found {_show(argument)}")
    return around.reference(argument)


def _get_att(argument: Any, around: Surroundings) -> Any:
    if isinstance(argument, str):
        argument = list(argument.partition(".")[::2])
    logical_id, *rest = _arguments("Fn::GetAtt", argument, range(2, 9), "[resource, attribute]")
    if len(rest) == 1:
        rest = [_resolved(argument, 1, around)]
    if not isinstance(logical_id, str) or not all(isinstance(part, str) and part for part in rest):
        raise Mistake(f"Fn::GetAtt takes [resource, attribute]; found {_show(argument)}")
    return around.attribute(logical_id, ".".join(rest))


def _sub(argument: Any, around: Surroundings) -> str:
    variables: dict[str, Any] = {}
    template = argument
    if isinstance(argument, list):
        template, variables = _arguments("Fn::Sub", argument, range(2, 3), "text, or [text, variables]")
    if not isinstance(template, str) or not isinstance(variables, dict):
        raise Mistake(f"Fn::Sub takes text, or [text, variables]; found {_show(argument)}")

    def replacement(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        try:
            if name in variables:
                return text_of(resolve(variables[name], around))
            if "." in name:
                return text_of(around.attribute(*name.split(".", 1)))
            return text_of(around.reference(name))
        except Mistake as mistake:
            raise Mistake(f"in ${{{name}}}: {mistake.message}", mistake.path) from mistake

    return _SUBSTITUTION.sub(replacement, template)


def _join(argument: Any, around: Surroundings) -> str:
    arguments = _arguments("Fn::Join", argument, range(2, 3), "[delimiter, list]")
    delimiter = text_of(_resolved(arguments, 0, around))
    return delimiter.join(text_of(part) for part in _texts(arguments, 1, around, "Fn::Join"))


def _select(argument: Any, around: Surroundings) -> Any:
    arguments = _arguments("Fn::Select", argument, range(2, 3), "[index, list]")
    index_text = text_of(_resolved(arguments, 0, around))
    options = _texts(arguments, 1, around, "Fn::Select")
    if not index_text.isdigit() or int(index_text) >= len(options):
        raise Mistake(f"Fn::Select asks for number {index_text} of a list of {len(options)}")
    return options[int(index_text)]


def _split(argument: Any, around: Surroundings) -> list[str]:
    arguments = _arguments("Fn::Split", argument, range(2, 3), "[delimiter, text]")
    delimiter = text_of(_resolved(arguments, 0, around))
    if not delimiter:
        raise Mistake("Fn::Split has an empty delimiter", [0])
    return text_of(_resolved(arguments, 1, around)).split(delimiter)


def _if(argument: Any, around: Surroundings) -> Any:
    name, *_ = _arguments("Fn::If", argument, range(3, 4), "[condition, value if it holds, value otherwise]")
    if not isinstance(name, str):
        raise Mistake(f"Fn::If takes the name of a condition; found {_show(name)}", [0])
    return _resolved(argument, 1 if around.condition(name) else 2, around)


def _find_in_map(argument: Any, around: Surroundings) -> Any:
    arguments = _arguments("Fn::FindInMap", argument, range(3, 5), "[mapping, first key, second key]")
    name, first, second = (text_of(_resolved(arguments, index, around)) for index in range(3))
    found = around.mapping(name)
    for key in (first, second):
        found = found.get(key) if isinstance(found, dict) else None
    if found is None and len(arguments) == 4:
        options = arguments[3]
        if not isinstance(options, dict) or "DefaultValue" not in options:
            raise Mistake("the fourth argument of Fn::FindInMap is a mapping with DefaultValue", [3])
        return resolve(options["DefaultValue"], around)
    if found is None:
        raise Mistake(f"there is no {name} / {first} / {second} in the Mappings")
    return found


def _base64(argument: Any, around: Surroundings) -> str:
    return base64.b64encode(text_of(resolve(argument, around)).encode()).decode()


def _get_azs(argument: Any, around: Surroundings) -> list[str]:
    return around.zones(text_of(resolve(argument, around)))


def _import_value(argument: Any, around: Surroundings) -> Any:
    name = text_of(resolve(argument, around))
    raise Mistake(f"Fn::ImportValue asks for {name!r} of another stack; a world runs one stack: make it a parameter")


def _length(argument: Any, around: Surroundings) -> int:
    return len(_texts([argument], 0, around, "Fn::Length"))


def _to_json_string(argument: Any, around: Surroundings) -> str:
    value = resolve(argument, around)
    if not isinstance(value, dict | list):
        raise Mistake(f"Fn::ToJsonString takes a mapping or list; found {_show(value)}")
    return msgspec.json.encode(value).decode()


def _cidr(argument: Any, around: Surroundings) -> list[str]:
    import ipaddress  # costs 10 ms, and hardly any template needs it

    arguments = _arguments("Fn::Cidr", argument, range(2, 4), "[block, count, bits]")
    block, count, *bits = (text_of(_resolved(arguments, index, around)) for index in range(len(arguments)))
    try:
        network = ipaddress.ip_network(block)
        subnets = network.subnets(new_prefix=network.max_prefixlen - int(bits[0] if bits else 8))
        return [str(subnet) for subnet in itertools.islice(subnets, int(count))]
    except ValueError as error:
        raise Mistake(f"Fn::Cidr cannot divide {block} into {count}: {error}") from error


FUNCTIONS: dict[str, Callable[[Any, Surroundings], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::Base64": _base64,
    "Fn::GetAZs": _get_azs,
    "Fn::ImportValue": _import_value,
    "Fn::Length": _length,
    "Fn::ToJsonString": _to_json_string,
    "Fn::Cidr": _cidr,
}


def truth(node: Any, around: Surroundings) -> bool:
    """Whether a condition's tree holds; raises ``Mistake``."""
    if not isinstance(node, dict) or len(node) != 1:
        raise Mistake(f"a condition is one of {', '.join(_JUDGES)}, Condition; found {_show(node)}")
    ((name, argument),) = node.items()
    with at(name):
        if name == "Condition":
            if not isinstance(argument, str):
                raise Mistake(f"Condition takes the name of a condition; found {_show(argument)}")
            return around.condition(argument)
        judge = _JUDGES.get(name)
        if judge is None:
            raise Mistake(f"a condition is one of {', '.join(_JUDGES)}, Condition; found {name}")
        return judge(argument, around)


def _truths(function: str, argument: Any, counts: range, around: Surroundings) -> list[bool]:
    found = []
    limits = f"{counts.start}" if len(counts) == 1 else f"{counts.start} to {counts.stop - 1}"
    for index, child in enumerate(_arguments(function, argument, counts, f"a list of {limits} conditions")):
        with at(index):
            found.append(truth(child, around))
    return found


def _and(argument: Any, around: Surroundings) -> bool:
    return all(_truths("Fn::And", argument, range(2, 11), around))


def _or(argument: Any, around: Surroundings) -> bool:
    return any(_truths("Fn::Or", argument, range(2, 11), around))


def _not(argument: Any, around: Surroundings) -> bool:
    return not _truths("Fn::Not", argument, range(1, 2), around)[0]


def _equals(argument: Any, around: Surroundings) -> bool:
    arguments = _arguments("Fn::Equals", argument, range(2, 3), "a list of two values")
    one, other = (_comparable(_resolved(arguments, index, around)) for index in range(2))
    return bool(one == other)


def _comparable(value: Any) -> Any:
    """CloudFormation compares as text: ``1`` equals ``"1"``, ``true`` equals ``"true"``."""
    return value if isinstance(value, list | dict) or value is ABSENT else text_of(value)


_JUDGES: dict[str, Callable[[Any, Surroundings], bool]] = {
    "Fn::And": _and,
    "Fn::Or": _or,
    "Fn::Not": _not,
    "Fn::Equals": _equals,
}
