"""The gateway of one region: finds the stage and the route, asks the function, answers as API Gateway does."""

import asyncio
import base64
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

import msgspec

from terrella.kernel import AwsError, Clock, Ids
from terrella.services.gateway.access import Access, ApiStatus, GatewayStatus, RouteStatus
from terrella.services.gateway.answers import Failure, failure_of_error, failure_of_result, failure_response
from terrella.services.gateway.apis import Api, HttpApi
from terrella.services.gateway.configuration import ApiMapping, Configuration, DomainName, Stage
from terrella.services.gateway.directory import Directory, Endpoint, Located, NotLocated, execute_api_host, host_name
from terrella.services.gateway.integrations import LambdaIntegration, MockIntegration, Payload
from terrella.services.gateway.ports import FunctionInvoker, InvocationResult
from terrella.services.gateway.routes import Match
from terrella.services.gateway.support import GatewayResource
from terrella.wire.events import (
    MalformedResponseError,
    ProxyExchange,
    ProxyResponse,
    http_api_event_v1,
    http_api_event_v2,
    read_http_api_response_v1,
    read_http_api_response_v2,
    read_rest_api_response,
    rest_api_event,
)
from terrella.wire.http import Headers, Request, Response

_log = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 10 * 1024 * 1024
_EVENTS = {
    Payload.REST: rest_api_event,
    Payload.HTTP_V1: http_api_event_v1,
    Payload.HTTP_V2: http_api_event_v2,
}


@dataclass(slots=True)
class _Exchange:
    """One request on its way: its ids, and the headers that the gateway adds to its response."""

    request: Request
    located: Located
    http_api: bool
    request_id: str
    extended_id: str
    trace_id: str

    def headers(self) -> Headers:
        if self.http_api:
            return [("apigw-requestid", self.extended_id)]
        return [("x-amzn-requestid", self.request_id), ("x-amz-apigw-id", self.extended_id)]


@dataclass(frozen=True, slots=True)
class _Gate:
    reason: str
    retry_after_s: int

    def response(self, region: str) -> Response:
        message = {"message": f"Service Unavailable: {region} is {self.reason}", "reason": self.reason}
        headers = [("content-type", "application/json"), ("retry-after", str(self.retry_after_s))]
        return Response(503, headers, msgspec.json.encode(message))


class Gateway:
    """API Gateway in one region: REST APIs and HTTP APIs in front of the region's functions.

    What is served changes as a whole: each ``put``, ``remove`` or ``load`` builds new tables and then swaps them in; a
    request is served by the tables that it found. All of them may be repeated; they raise ``TerrellaError``, and change
    nothing, for what cannot be served.
    """

    def __init__(self, region: str, account: str, invoker: FunctionInvoker, clock: Clock, ids: Ids) -> None:
        self._region = region
        self._account = account
        self._invoker = invoker
        self._clock = clock
        self._ids = ids
        self._configuration = Configuration()
        self._directory = Directory(region)
        self._access: dict[tuple[str, str, str], Access] = {}
        self._unrouted: dict[int, int] = {}
        self._gate: _Gate | None = None
        # Invocations under way: a client that leaves, or a time-out, does not stop the function, as on AWS.
        self._under_way: set[asyncio.Task[InvocationResult]] = set()

    # what is served

    def check(self, resources: Iterable[GatewayResource]) -> None:
        """Raises ``TerrellaError`` if ``load`` would; changes nothing."""
        Directory.build(Configuration.from_resources(resources), self._region, lambda *_: Access())

    def load(self, resources: Iterable[GatewayResource]) -> None:
        """Serve exactly these resources (all API Gateway resources of the region's stacks), in place of all before."""
        self._swap(Configuration.from_resources(resources))

    def put_api(self, api: Api) -> None:
        """Add or replace an API; its stages, domains and counts stay."""
        self._swap(self._configuration.with_api(api))

    def remove_api(self, api_id: str) -> None:
        """Remove an API with its stages and mappings."""
        self._swap(self._configuration.without_api(api_id))

    def put_stage(self, stage: Stage) -> None:
        """Add or replace a stage of an API that is there."""
        self._swap(self._configuration.with_stage(stage))

    def remove_stage(self, api_id: str, name: str) -> None:
        """Remove a stage and the mappings to it."""
        self._swap(self._configuration.without_stage(api_id, name))

    def put_domain(self, domain: DomainName) -> None:
        """Serve a custom domain name."""
        self._swap(self._configuration.with_domain(domain))

    def remove_domain(self, name: str) -> None:
        """Remove a custom domain name and its mappings."""
        self._swap(self._configuration.without_domain(name))

    def put_mapping(self, mapping: ApiMapping) -> None:
        """Add or replace what a base path of a custom domain leads to; domain, API and stage must be there."""
        self._swap(self._configuration.with_mapping(mapping))

    def remove_mapping(self, domain: str, base_path: str) -> None:
        """Remove what a base path of a custom domain leads to."""
        self._swap(self._configuration.without_mapping(domain, base_path))

    def _swap(self, configuration: Configuration) -> None:
        access = dict(self._access)
        directory = Directory.build(configuration, self._region, lambda *key: access.setdefault(key, Access()))
        served = {
            (api_id, name, endpoint.route_key)
            for api_id, stages in directory.stages.items()
            for name, stage in stages.items()
            for endpoint in stage.endpoints
        }
        self._access = {key: one for key, one in access.items() if key in served}
        self._configuration, self._directory = configuration, directory

    async def close(self) -> None:
        """Give up the invocations that are under way; the region stops."""
        under_way = list(self._under_way)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    # the gate

    def close_gate(self, reason: str, retry_after_s: int = 1) -> None:
        """Answer 503 to every request until the gate is opened, naming the reason (``catching up``)."""
        self._gate = _Gate(reason, retry_after_s)

    def open_gate(self) -> None:
        """Serve."""
        self._gate = None

    # requests

    async def handle(self, request: Request) -> Response:
        """Answer one application request."""
        if self._gate is not None:
            self._count_unrouted(503)
            return self._gate.response(self._region)
        path, _, query = request.target.partition("?")
        located = self._directory.locate(request.header("host"), path)
        if isinstance(located, NotLocated):
            return self._refuse(request, located)
        served = located.served
        exchange = self._begin(request, located)
        cors = served.api.cors if isinstance(served.api, HttpApi) else None
        origin = request.header("origin") if cors else ""
        if cors and origin and request.method == "OPTIONS" and request.header("access-control-request-method"):
            self._count_unrouted(204)
            return Response(204, cors.preflight(origin) + exchange.headers())
        route_path = unquote(located.route_path) if exchange.http_api else located.route_path
        match = served.routes.match(request.method, route_path)
        if match is None:
            response = failure_response(Failure.NO_ROUTE, http_api=exchange.http_api, headers=exchange.headers())
            self._count_unrouted(response.status)
        else:
            started = self._clock.monotonic()
            response = await self._answer(exchange, match, query)
            match.target.access.count(response.status, self._clock.monotonic() - started)
        if cors:
            response.headers = cors.apply(response.headers, origin)
        return response

    def _begin(self, request: Request, located: Located) -> _Exchange:
        drawn = self._ids.token(46)
        trace_id = request.header("x-amzn-trace-id")
        return _Exchange(
            request,
            located,
            isinstance(located.served.api, HttpApi),
            self._ids.uuid(),
            base64.b64encode(bytes.fromhex(drawn[:22])).decode("ascii"),
            trace_id or f"Root=1-{self._clock.now_ms() // 1000:08x}-{drawn[22:]}",
        )

    async def _answer(self, exchange: _Exchange, match: Match[Endpoint], query: str) -> Response:
        endpoint = match.target
        integration = endpoint.method.integration
        if len(exchange.request.body) > MAX_PAYLOAD_BYTES:
            return self._failed(exchange, endpoint, Failure.TOO_LARGE, "the body is larger than 10 MB")
        if isinstance(integration, MockIntegration):
            return Response(integration.status, [*integration.headers, *exchange.headers()], integration.body)
        payload = _EVENTS[integration.payload](self._proxy_exchange(exchange, match, query))
        try:
            result = await self._invoke(endpoint.function, payload, integration.timeout_s)
        except TimeoutError:
            why = f"the function did not answer within {integration.timeout_s:g} s"
            return self._failed(exchange, endpoint, Failure.TIMED_OUT, why)
        except AwsError as error:
            return self._failed(exchange, endpoint, failure_of_error(error), str(error))
        failure = failure_of_result(result)
        if failure is not None:
            return self._failed(exchange, endpoint, failure, result.payload[:1000].decode("utf-8", "replace"))
        try:
            answer = self._read(exchange, integration, result.payload)
        except MalformedResponseError as error:
            why = f"the function's answer is malformed ({error}): {result.payload[:300].decode('utf-8', 'replace')}"
            return self._failed(exchange, endpoint, Failure.MALFORMED, why)
        if not exchange.http_api:
            answer.headers.append(("x-amzn-trace-id", exchange.trace_id))
        return Response(answer.status, answer.headers + exchange.headers(), answer.body)

    async def _invoke(self, function: str, payload: bytes, timeout_s: float) -> InvocationResult:
        task = asyncio.ensure_future(self._invoker.invoke(function, payload))
        self._under_way.add(task)
        task.add_done_callback(self._finished)
        done, _ = await asyncio.wait((task,), timeout=timeout_s)
        if not done:
            raise TimeoutError
        return task.result()

    def _finished(self, task: asyncio.Task[InvocationResult]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has seen it; if nobody did, there is nobody to tell

    def _read(self, exchange: _Exchange, integration: LambdaIntegration, payload: bytes) -> ProxyResponse:
        if integration.payload is Payload.HTTP_V2:
            return read_http_api_response_v2(payload)
        if integration.payload is Payload.HTTP_V1:
            return read_http_api_response_v1(payload)
        accepted = exchange.request.header("accept")
        return read_rest_api_response(payload, exchange.located.served.takes_for_binary(accepted))

    def _proxy_exchange(self, exchange: _Exchange, match: Match[Endpoint], query: str) -> ProxyExchange:
        request, located, endpoint = exchange.request, exchange.located, match.target
        served = located.served
        return ProxyExchange(
            method=request.method,
            path=located.event_path,
            context_path=located.context_path,
            query=query,
            headers=_forwarded(request, exchange.trace_id),
            body=request.body,
            source_ip=request.peer,
            user_agent=request.header("user-agent"),
            domain_name=located.domain_name,
            account=self._account,
            api_id=served.api.api_id,
            stage=served.stage.name,
            stage_variables=served.stage.variables,
            route=endpoint.method.path,
            route_key=endpoint.route_key,
            resource_id=endpoint.resource_id,
            deployment_id=served.stage.deployment_id,
            path_parameters=match.parameters,
            request_id=exchange.request_id,
            extended_request_id=exchange.extended_id,
            time_ms=self._clock.now_ms(),
            binary=bool(request.body) and served.takes_for_binary(request.header("content-type")),
        )

    # refusing

    def _failed(self, exchange: _Exchange, endpoint: Endpoint, failure: Failure, why: str) -> Response:
        endpoint.access.last_error = f"{failure.name.lower().replace('_', ' ')}: {why}"
        _log.warning("%s, %s %s: %s", exchange.located.served.api.name, endpoint.route_key, exchange.request_id, why)
        return failure_response(failure, http_api=exchange.http_api, headers=exchange.headers())

    def _refuse(self, request: Request, place: NotLocated) -> Response:
        if place.bare_host:
            response = Response(403, [("content-type", "application/json")], msgspec.json.encode(self._how_to(request)))
        else:
            headers = [] if place.http_api else [("x-amzn-requestid", self._ids.uuid())]
            response = failure_response(Failure.FORBIDDEN, http_api=place.http_api, headers=headers)
        self._count_unrouted(response.status)
        return response

    def _how_to(self, request: Request) -> dict[str, object]:
        addresses = [
            {"api": api.name, "host": execute_api_host(api.api_id, self._region), "path": f"/_api/{api.api_id}/{name}/"}
            for api in self._configuration.apis.values()
            for name in self._directory.stages[api.api_id]
        ]
        return {
            "message": f"Forbidden: no API can be told by the host {host_name(request.header('host'))!r}; send the "
            "Host header of an API or of a custom domain, or begin the path with /_api/ID/STAGE/",
            "apis": addresses,
            "domains": sorted(self._configuration.domains),
        }

    def _count_unrouted(self, status: int) -> None:
        self._unrouted[status] = self._unrouted.get(status, 0) + 1

    # status

    def status(self) -> GatewayStatus:
        """What is served and what it has answered."""
        domains: dict[str, dict[str, str]] = {name: {} for name in self._configuration.domains}
        for mapping in self._configuration.mappings.values():
            domains[mapping.domain][f"/{mapping.base_path}"] = f"{mapping.api_id}/{mapping.stage}".rstrip("/")
        gate = self._gate.reason if self._gate else None
        apis = [self._api_status(api) for api in self._configuration.apis.values()]
        return GatewayStatus(gate, apis, domains, dict(self._unrouted))

    def _api_status(self, api: Api) -> ApiStatus:
        stages = self._directory.stages[api.api_id]
        routes = [
            RouteStatus(
                stage=name,
                route=endpoint.route_key,
                target=endpoint.function or "mock",
                requests=endpoint.access.requests,
                statuses=dict(endpoint.access.statuses),
                p50_ms=endpoint.access.percentile_ms(0.5),
                p99_ms=endpoint.access.percentile_ms(0.99),
                max_ms=round(endpoint.access.max_ms, 3),
                last_error=endpoint.access.last_error,
            )
            for name, stage in stages.items()
            for endpoint in stage.endpoints
        ]
        kind = "HTTP" if isinstance(api, HttpApi) else "REST"
        host = execute_api_host(api.api_id, self._region)
        return ApiStatus(api.api_id, api.name, kind, host, list(stages), routes)


def _forwarded(request: Request, trace_id: str) -> Headers:
    """A request's headers with what the gateway adds: who asked, how, and the trace."""
    asked_by, protocol = request.header("x-forwarded-for"), request.header("x-forwarded-proto")
    host = request.header("host")
    port = (
        host.rpartition(":")[2] if ":" in host and not host.endswith("]") else ("443" if protocol == "https" else "80")
    )
    replaced = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-amzn-trace-id")
    return [
        *(pair for pair in request.headers if pair[0] not in replaced),
        ("x-amzn-trace-id", trace_id),
        ("x-forwarded-for", f"{asked_by}, {request.peer}" if asked_by else request.peer),
        ("x-forwarded-port", request.header("x-forwarded-port") or port),
        ("x-forwarded-proto", protocol or "http"),
    ]
