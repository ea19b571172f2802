"""PutFunctionConcurrency."""

from typing import Any

from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call


async def put_function_concurrency(core: FunctionCore, call: Call) -> dict[str, Any]:
    """Reserve, and so limit, concurrent invocations; 0 stops the function. Running workers stay."""
    function = core.find(call.params["FunctionName"])
    reserved = call.params["ReservedConcurrentExecutions"]
    await core.override(function.configuration.name, {"reserved_concurrency": reserved})
    return {"ReservedConcurrentExecutions": reserved}
