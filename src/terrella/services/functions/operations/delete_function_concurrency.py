"""DeleteFunctionConcurrency."""

from typing import Any

from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call


async def delete_function_concurrency(core: FunctionCore, call: Call) -> dict[str, Any]:
    """The function may use whatever its pools allow again."""
    function = core.find(call.params["FunctionName"])
    await core.override(function.configuration.name, {"reserved_concurrency": None})
    return {}
