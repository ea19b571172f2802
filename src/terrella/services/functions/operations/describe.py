"""A function as the API shows it, and what the API's parameters say of one."""

from collections.abc import Mapping
from typing import Any

from terrella.kernel import AwsError, TerrellaError
from terrella.services.functions.configuration import StoredFunction
from terrella.services.functions.core import FunctionCore
from terrella.services.functions.environment import require_variables
from terrella.services.functions.invocation import iso_time
from terrella.services.functions.runtimes import find_runtime
from terrella.services.functions.spec import MEMORY_MAX_MB, TIMEOUT_MAX_S


def describe(core: FunctionCore, stored: StoredFunction) -> dict[str, Any]:
    """``FunctionConfiguration``."""
    configuration = stored.effective
    return {
        "FunctionName": configuration.name,
        "FunctionArn": core.arn(configuration.name),
        "Runtime": configuration.runtime,
        "Role": configuration.role,
        "Handler": configuration.handler,
        "CodeSize": configuration.code.size_bytes,
        "Description": configuration.description,
        "Timeout": configuration.timeout_s,
        "MemorySize": configuration.memory_mb,
        "LastModified": iso_time(stored.modified_ms).replace("Z", "+0000"),
        "CodeSha256": configuration.code.aws_sha256,
        "Version": "$LATEST",
        "Environment": {"Variables": configuration.environment} if configuration.environment else None,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": stored.revision_id,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": configuration.architectures,
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
    }


def shown(description: dict[str, Any]) -> dict[str, Any]:
    """Without the members that are not set."""
    return {name: value for name, value in description.items() if value is not None}


def wanted(params: Mapping[str, Any]) -> dict[str, object]:
    """What parameters of CreateFunction or UpdateFunctionConfiguration change in a ``Configuration``."""
    changes: dict[str, object] = {}
    for name, field in (
        ("Handler", "handler"),
        ("Description", "description"),
        ("Timeout", "timeout_s"),
        ("MemorySize", "memory_mb"),
        ("Role", "role"),
    ):
        if name in params:
            changes[field] = params[name]
    if params.get("Timeout", 0) > TIMEOUT_MAX_S:
        raise too_large(params["Timeout"], "timeout", TIMEOUT_MAX_S)
    if params.get("MemorySize", 0) > MEMORY_MAX_MB:
        raise too_large(params["MemorySize"], "memorySize", MEMORY_MAX_MB)
    if "Runtime" in params:
        try:
            changes["runtime"] = find_runtime(params["Runtime"], "the function").name
        except TerrellaError as error:
            raise AwsError("InvalidParameterValueException", str(error)) from None
    if "Environment" in params:
        variables = params["Environment"].get("Variables", {})
        require_variables(variables)
        changes["environment"] = variables
    return changes


def too_large(value: int, name: str, limit: int) -> AwsError:
    """Above what ordinary functions may have."""
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have value less than or equal to {limit}",
    )


def refuse(params: Mapping[str, Any], understood: set[str], operation: str) -> None:
    """No false success: a parameter that would change nothing here is refused, unless it says nothing."""
    for name, value in params.items():
        if name not in understood and value not in (False, "", [], {}):
            raise AwsError(
                "InvalidParameterValueException", f"terrella does not implement {name} of lambda:{operation} yet"
            )
