"""GetFunctionConcurrency."""

from typing import Any

from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call


async def get_function_concurrency(core: FunctionCore, call: Call) -> dict[str, Any]:
    """Empty if none is reserved."""
    reserved = core.find(call.params["FunctionName"]).configuration.reserved_concurrency
    return {"ReservedConcurrentExecutions": reserved}
