"""GetFunctionConfiguration."""

from typing import Any

from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call
from terrella.services.functions.operations.describe import describe, shown


async def get_function_configuration(core: FunctionCore, call: Call) -> dict[str, Any]:
    """What the next invocation will run with."""
    function = core.find(call.params["FunctionName"], call.params.get("Qualifier"))
    return shown(describe(core, function.stored))
