"""ListFunctions."""

from typing import Any

from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call
from terrella.services.functions.operations.describe import describe, shown

_PAGE_MAX = 50


async def list_functions(core: FunctionCore, call: Call) -> dict[str, Any]:
    """In pages of 50 at most, by name; the marker is the last name of the page before."""
    size = min(call.params.get("MaxItems", _PAGE_MAX), _PAGE_MAX)
    marker = call.params.get("Marker", "")
    names = [name for name in sorted(core.functions) if name > marker]
    page = names[:size]
    return {
        "Functions": [shown(describe(core, core.functions[name].stored)) for name in page],
        "NextMarker": page[-1] if len(names) > size else None,
    }
