"""ListTags."""

from typing import Any

from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call


async def list_tags(core: FunctionCore, call: Call) -> dict[str, Any]:
    """The tags that the template, or CreateFunction, gave."""
    return {"Tags": core.find(call.params["Resource"]).configuration.tags}
