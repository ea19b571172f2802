"""UpdateFunctionConfiguration."""

from typing import Any

from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call
from terrella.services.functions.operations.describe import describe, refuse, shown, wanted

_UNDERSTOOD = {
    "FunctionName", "Role", "Handler", "Description", "Timeout", "MemorySize", "Environment", "Runtime", "RevisionId",
}  # fmt: skip


async def update_function_configuration(core: FunctionCore, call: Call) -> dict[str, Any]:
    """Live for the next invocation when it answers; invocations under way finish with what they began with."""
    function = core.find(call.params["FunctionName"])
    refuse(call.params, _UNDERSTOOD, "UpdateFunctionConfiguration")
    stored = await core.override(function.configuration.name, wanted(call.params), call.params.get("RevisionId"))
    return shown(describe(core, stored))
