"""CreateFunction: from an uploaded zip file."""

import asyncio
from typing import Any

import msgspec

from terrella.kernel import AwsError
from terrella.services.functions.configuration import Configuration
from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations.call import Call
from terrella.services.functions.operations.describe import describe, refuse, shown, wanted
from terrella.services.functions.spec import NAME

_UNDERSTOOD = {
    "FunctionName", "Runtime", "Role", "Handler", "Code", "Description", "Timeout", "MemorySize", "PackageType",
    "Environment", "Tags", "Architectures",
}  # fmt: skip


async def create_function(core: FunctionCore, call: Call) -> dict[str, Any]:
    """Durable and ready to be invoked when it answers."""
    params = call.params
    refuse(params, _UNDERSTOOD, "CreateFunction")
    if params.get("PackageType", "Zip") != "Zip" or "ZipFile" not in params["Code"]:
        raise AwsError("InvalidParameterValueException", "terrella takes code as Code.ZipFile only")
    for name in ("Runtime", "Handler"):
        if not params.get(name):
            message = "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            raise AwsError("InvalidParameterValueException", message)
    name = params["FunctionName"].rpartition(":")[2]
    if not NAME.fullmatch(name):
        raise AwsError("InvalidParameterValueException", f"{name!r} is no name of a function")
    changes = wanted(params)
    code = await asyncio.to_thread(core.code.take_zip, params["Code"]["ZipFile"])
    configuration = Configuration(
        name=name,
        handler=params["Handler"],
        runtime=params["Runtime"],
        code=code,
        tags=params.get("Tags", {}),
        architectures=tuple(params.get("Architectures", ("x86_64",))),
    )
    stored = await core.create(msgspec.structs.replace(configuration, **changes))
    return shown(describe(core, stored))
