"""The environment that a handler sees: Lambda's variables, its own, and next to nothing of the host's."""

import base64
import binascii
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from terrella.kernel import AwsError
from terrella.services.functions.configuration import Configuration

VARIABLES_MAX_BYTES = 4096
_VARIABLE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_KEY_PREFIX = "ASIATERRELLA"
_TOKEN = "terrella"  # noqa: S105 - it keeps nothing secret: clients send one with such an access key

# Set by terrella, and, as on AWS, not for a function's configuration to change.
RESERVED_VARIABLES = (
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
)

# Set by terrella; a function's own variable of the same name wins.
DEFAULT_VARIABLES = (
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_XRAY_CONTEXT_MISSING",
    "HOME",
    "LANG",
    "PATH",
    "TMPDIR",
    "TZ",
)


def any_secret(_access_key: str) -> str:
    """Where nobody verifies signatures, one is as good as another."""
    return "terrella"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every worker of a region. ``secret_of`` has the secret that goes with an access key id."""

    region: str
    account: str
    endpoint_url: str
    secret_of: Callable[[str], str]


def access_key_of_function(name: str) -> str:
    """The access key id that a function's worker signs with: it names the function, statelessly."""
    return _KEY_PREFIX + base64.b32encode(name.encode()).decode().rstrip("=")


def function_of_access_key(key: str) -> str | None:
    """The function whose worker signs with this access key id, in any region; None if it is no worker's."""
    if not key.startswith(_KEY_PREFIX):
        return None
    encoded = key[len(_KEY_PREFIX) :]
    try:
        return base64.b32decode(encoded + "=" * (-len(encoded) % 8)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def token_of_access_key(key: str) -> str | None:
    """The session token that a worker sends with its access key id; None if it is no worker's."""
    return _TOKEN if function_of_access_key(key) is not None else None


def check_variables(variables: Mapping[str, str]) -> str | None:
    """What is wrong with a function's own variables, in AWS's words; None if nothing is."""
    reserved = sorted(set(variables) & set(RESERVED_VARIABLES))
    if reserved:
        return (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    for name in variables:
        if not _VARIABLE_NAME.fullmatch(name):
            return f"the environment variable name {name!r} does not match {_VARIABLE_NAME.pattern}"
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if size > VARIABLES_MAX_BYTES:
        return (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the {VARIABLES_MAX_BYTES // 1024}KB limit. String measured: {size} bytes"
        )
    return None


def require_variables(variables: Mapping[str, str]) -> None:
    """Raises ``AwsError`` InvalidParameterValueException."""
    problem = check_variables(variables)
    if problem:
        raise AwsError("InvalidParameterValueException", problem)


def worker_environment(
    configuration: Configuration,
    surroundings: Surroundings,
    *,
    task_root: Path,
    scratch: Path,
    runtime_api: str,
    log_stream: str,
) -> dict[str, str]:
    """Everything that a worker's environment holds. ``scratch`` is the worker's own ``/tmp``."""
    name = configuration.name
    access_key = access_key_of_function(name)
    interpreter = str(Path(sys.executable).parent)
    defaults = {
        "AWS_EC2_METADATA_DISABLED": "true",  # no credentials are missing, and asking for them would hang
        "AWS_ENDPOINT_URL": surroundings.endpoint_url,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "HOME": str(scratch),
        "LANG": os.environ.get("LANG", "en_US.UTF-8"),
        "PATH": os.pathsep.join((interpreter, os.environ.get("PATH", os.defpath))),
        "TMPDIR": str(scratch),
        "TZ": ":UTC",
    }
    reserved = {
        "_HANDLER": configuration.handler,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_DEFAULT_REGION": surroundings.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{configuration.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": surroundings.region,
        "AWS_SECRET_ACCESS_KEY": surroundings.secret_of(access_key),
        "AWS_SESSION_TOKEN": _TOKEN,
        "LAMBDA_RUNTIME_DIR": str(Path(__file__).parent),
        "LAMBDA_TASK_ROOT": str(task_root),
    }
    return {**defaults, **configuration.environment, **reserved}
