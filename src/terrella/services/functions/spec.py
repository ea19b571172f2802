"""What a template says of a function."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from terrella.kernel import TerrellaError
from terrella.services.functions.environment import check_variables
from terrella.services.functions.runtimes import find_runtime

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
TIMEOUT_MAX_S = 900
MEMORY_MIN_MB, MEMORY_MAX_MB = 128, 10240
INLINE_FILE = "index.py"

# Their absence would change what the handler sees, so they are not passed over in silence.
_REFUSED = {
    "Layers": "layers are not fetched; install what they hold beside terrella, or in the code directory",
    "FileSystemConfigs": "EFS is not built",
    "ImageConfig": "container images are not run",
}


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function as its template declares it. Either ``code_directory`` or ``inline_code`` (an ``index.py``) is set."""

    name: str
    handler: str
    runtime: str
    code_directory: Path | None = None
    inline_code: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int = 3
    memory_mb: int = 128
    description: str = ""
    reserved_concurrency: int | None = None
    role: str = ""
    architectures: tuple[str, ...] = ("x86_64",)
    tags: Mapping[str, str] = field(default_factory=dict)
    logical_id: str = ""
    stack_name: str = ""

    @classmethod
    def from_cloudformation(
        cls, logical_id: str, stack_name: str, properties: Mapping[str, Any], code_directory: Path | None
    ) -> Self:
        """From the resolved properties of an ``AWS::Lambda::Function``; raises ``TerrellaError`` naming the resource.

        Without a ``FunctionName`` (the stack's physical id, if it drew one) the name is ``STACK-LOGICALID``.
        """
        where = f"the function {logical_id}"
        if properties.get("PackageType", "Zip") != "Zip":
            raise TerrellaError(f"{where}: PackageType {properties['PackageType']} is not supported; expected Zip")
        for name, why in _REFUSED.items():
            if properties.get(name):
                raise TerrellaError(f"{where}: {name} is not supported: {why}")
        name = str(properties.get("FunctionName") or f"{stack_name}-{logical_id}"[:64])
        if not NAME.fullmatch(name):
            raise TerrellaError(f"{where}: the name {name!r} is not 1 to 64 letters, digits, hyphens or underscores")
        runtime = find_runtime(str(properties.get("Runtime", "")), where)
        variables = {
            str(key): _text(value) for key, value in (properties.get("Environment") or {}).get("Variables", {}).items()
        }
        problem = check_variables(variables)
        if problem:
            raise TerrellaError(f"{where}: {problem}")
        code = properties.get("Code") or {}
        inline = code.get("ZipFile") if isinstance(code, Mapping) else None
        if inline is None and code_directory is None:
            raise TerrellaError(f"{where} has no code: expected a local CodeUri directory or inline code")
        reserved = properties.get("ReservedConcurrentExecutions")
        return cls(
            name=name,
            handler=str(properties.get("Handler") or ""),
            runtime=runtime.name,
            code_directory=None if inline is not None else code_directory,
            inline_code=None if inline is None else str(inline),
            environment=variables,
            timeout_s=_number(properties.get("Timeout", 3), where, "Timeout", 1, TIMEOUT_MAX_S),
            memory_mb=_number(properties.get("MemorySize", 128), where, "MemorySize", MEMORY_MIN_MB, MEMORY_MAX_MB),
            description=str(properties.get("Description", "")),
            reserved_concurrency=None
            if reserved is None
            else _number(reserved, where, "ReservedConcurrentExecutions", 0, 1_000_000),
            role=str(properties.get("Role", "")),
            architectures=tuple(properties.get("Architectures") or ("x86_64",)),
            tags={str(tag["Key"]): _text(tag["Value"]) for tag in properties.get("Tags") or ()},
            logical_id=logical_id,
            stack_name=stack_name,
        )


def _text(value: Any) -> str:
    """CloudFormation passes every variable on as a string; YAML's booleans and numbers as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any, where: str, name: str, low: int, high: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise TerrellaError(f"{where}: {name} is {value!r}; expected a whole number") from None
    if not low <= number <= high:
        raise TerrellaError(f"{where}: {name} is {number}; expected {low} to {high}")
    return number
