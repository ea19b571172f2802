"""GetPolicy."""

from typing import Any

from terrella.kernel import AwsError
from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call


async def get_policy(core: FunctionCore, call: Call) -> dict[str, Any]:
    """No function has a resource policy here: anybody who reaches the endpoint may invoke."""
    core.find(call.params["FunctionName"], call.params.get("Qualifier"))
    raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
