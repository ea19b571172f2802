"""Invoke: wait for the answer, hand over an event, or only ask whether one could."""

import base64
import binascii
from functools import partial
from typing import Any

import msgspec

from terrella.kernel import AwsError
from terrella.services.functions.core import FunctionCore
from terrella.services.functions.limits import EVENT_MAX_BYTES
from terrella.services.functions.operations.call import Call

_is_json = msgspec.json.Decoder(msgspec.Raw).decode


async def invoke(core: FunctionCore, call: Call) -> dict[str, Any]:
    """The function's own failure is an answer with ``FunctionError``, not an error of the API."""
    params = call.params
    function = core.find(params["FunctionName"], params.get("Qualifier"))
    name = function.configuration.name
    payload: bytes = params.get("Payload") or b"{}"
    try:
        _is_json(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"Could not parse request body into json: {error}"
        raise AwsError("InvalidRequestContentException", message) from None
    if "DurableExecutionName" in params:
        raise AwsError("InvalidParameterValueException", "terrella does not implement durable executions yet")
    kind = params.get("InvocationType", "RequestResponse")
    if kind == "DryRun":
        return {"StatusCode": 204}
    run = partial(core.invoke, name, payload, trace_id=call.trace_id, request_id=call.request_id)
    if kind == "Event":
        if len(payload) > EVENT_MAX_BYTES:
            message = f"{len(payload)} byte payload is too large for the Event invocation type"
            raise AwsError("RequestTooLargeException", f"{message} (limit {EVENT_MAX_BYTES} bytes)", 413)
        core.events.submit(name, call.request_id, run)
        return {"StatusCode": 202}
    result = await run(
        client_context=_client_context(params.get("ClientContext", "")), wants_log_tail=params.get("LogType") == "Tail"
    )
    return {
        "StatusCode": result.status,
        "FunctionError": result.function_error,
        "LogResult": result.log_tail,
        "ExecutedVersion": result.executed_version,
        "Payload": result.payload,
    }


def _client_context(encoded: str) -> str:
    if not encoded:
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise AwsError(
            "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."
        ) from None
