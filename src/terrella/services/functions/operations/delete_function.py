"""DeleteFunction."""

from typing import Any

from terrella.kernel import AwsError
from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call


async def delete_function(core: FunctionCore, call: Call) -> dict[str, Any]:
    """A stack's function that is deleted so comes back when the stack is applied again."""
    function = core.find(call.params["FunctionName"])
    if call.params.get("Qualifier"):
        raise AwsError(
            "InvalidParameterValueException", "$LATEST version cannot be deleted without deleting the function."
        )
    await core.remove_function(function.configuration.name)
    return {"StatusCode": 204}
