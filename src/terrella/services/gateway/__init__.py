"""API Gateway: REST APIs (payload 1.0) and HTTP APIs (payload 2.0 and 1.0) in front of the region's functions.

Definitions are read from resolved CloudFormation resources (``apis``, ``configuration``), compiled into routing tables
(``routes``, ``directory``) and served by ``Gateway``. What is taken and what is refused stands in ``support``; what
functions see and answer stands in ``terrella.wire.events``.
"""

from terrella.services.gateway.access import ApiStatus, GatewayStatus, RouteStatus
from terrella.services.gateway.apis import Api, HttpApi, RestApi
from terrella.services.gateway.configuration import ApiMapping, DomainName, Stage
from terrella.services.gateway.gateway import Gateway
from terrella.services.gateway.ports import FunctionInvoker, InvocationResult
from terrella.services.gateway.support import SUPPORT, GatewayResource, Support, Verdict, verdict_of

__all__ = [
    "SUPPORT",
    "Api",
    "ApiMapping",
    "ApiStatus",
    "DomainName",
    "FunctionInvoker",
    "Gateway",
    "GatewayResource",
    "GatewayStatus",
    "HttpApi",
    "InvocationResult",
    "RestApi",
    "RouteStatus",
    "Stage",
    "Support",
    "Verdict",
    "verdict_of",
]
