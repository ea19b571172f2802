"""GetFunction."""

from typing import Any

from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call
from terrella.services.functions.operations.describe import describe, shown


async def get_function(core: FunctionCore, call: Call) -> dict[str, Any]:
    """Configuration, tags, concurrency; ``Code.Location`` is the snapshot's directory, as a ``file:`` address."""
    function = core.find(call.params["FunctionName"], call.params.get("Qualifier"))
    configuration = function.configuration
    reserved = configuration.reserved_concurrency
    return {
        "Configuration": shown(describe(core, function.stored)),
        "Code": {"RepositoryType": "File", "Location": core.code.path(configuration.code).absolute().as_uri()},
        "Tags": configuration.tags or None,
        "Concurrency": None if reserved is None else {"ReservedConcurrentExecutions": reserved},
    }
