"""UpdateFunctionCode: an uploaded zip file."""

import asyncio
from typing import Any

from terrella.kernel import AwsError
from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call
from terrella.services.functions.operations.describe import describe, refuse, shown

_UNDERSTOOD = {"FunctionName", "ZipFile", "RevisionId", "DryRun", "Architectures"}


async def update_function_code(core: FunctionCore, call: Call) -> dict[str, Any]:
    """Live for the next invocation when it answers; a later change of the template's code replaces it."""
    params = call.params
    function = core.find(params["FunctionName"])
    refuse(params, _UNDERSTOOD, "UpdateFunctionCode")
    if "ZipFile" not in params:
        raise AwsError("InvalidParameterValueException", "Please provide a source for function code.")
    code = await asyncio.to_thread(core.code.take_zip, params["ZipFile"])
    if params.get("DryRun"):
        return shown(describe(core, function.stored)) | {"CodeSha256": code.aws_sha256, "CodeSize": code.size_bytes}
    changes: dict[str, object] = {"code": code}
    if "Architectures" in params:
        changes["architectures"] = tuple(params["Architectures"])
    stored = await core.override(function.configuration.name, changes, params.get("RevisionId"))
    return shown(describe(core, stored))
