"""AWS's protocols, driven by the service models that botocore ships: reading and judging requests, encoding errors."""

from terrella.wire.aws.json_protocol import (
    JsonOperation,
    JsonRules,
    JsonService,
    Params,
    decode_body,
    error_response,
    json_headers,
)
from terrella.wire.aws.models import ServiceModel, load_service_model
from terrella.wire.aws.protocols import Protocols, WireProtocol
from terrella.wire.aws.query import QueryService
from terrella.wire.aws.rpc_v2 import RpcV2Service
from terrella.wire.aws.shapes import decode_base64

__all__ = [
    "JsonOperation",
    "JsonRules",
    "JsonService",
    "Params",
    "Protocols",
    "QueryService",
    "RpcV2Service",
    "ServiceModel",
    "WireProtocol",
    "decode_base64",
    "decode_body",
    "error_response",
    "json_headers",
    "load_service_model",
]
