"""From a request's Host and path to an API's stage: built from a configuration once, then only read."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from terrella.services.gateway.access import Access
from terrella.services.gateway.apis import Api, HttpApi, Method, RestApi
from terrella.services.gateway.configuration import Configuration, Stage
from terrella.services.gateway.integrations import LambdaIntegration
from terrella.services.gateway.routes import ANY, DEFAULT_ROUTE, RouteTable

DIRECT_PREFIX = "/_api/"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one stage, with all that is known before a request comes. ``function`` is empty for a mock."""

    method: Method
    route_key: str
    resource_id: str
    function: str
    access: Access


@dataclass(frozen=True, slots=True)
class ServedStage:
    """One stage of one API with its routing table."""

    api: Api
    stage: Stage
    domain_name: str
    routes: RouteTable[Endpoint]
    endpoints: tuple[Endpoint, ...]
    binary_media_types: frozenset[str] = frozenset()

    def takes_for_binary(self, media_type: str) -> bool:
        """Whether a REST API's ``BinaryMediaTypes`` cover a Content-Type, or the first type of an Accept header."""
        if not self.binary_media_types:
            return False
        if "*/*" in self.binary_media_types:
            return True
        kind = media_type.partition(",")[0].partition(";")[0].strip().lower()
        return kind in self.binary_media_types or f"{kind.partition('/')[0]}/*" in self.binary_media_types


@dataclass(frozen=True, slots=True)
class Located:
    """Where a request leads: the stage, the path to route by, and the paths that events show (all as sent)."""

    served: ServedStage
    route_path: str
    event_path: str
    context_path: str
    domain_name: str


@dataclass(frozen=True, slots=True)
class NotLocated:
    """No stage. ``http_api`` says in whose manner to refuse, ``bare_host`` that Host was an address or localhost."""

    http_api: bool = False
    bare_host: bool = False


@dataclass(frozen=True, slots=True)
class _ServedMapping:
    prefix: str  # "" or "/base"
    api_id: str
    stage: str


@dataclass(frozen=True, slots=True)
class Directory:
    """All hosts and stages of a region."""

    region: str
    stages: Mapping[str, Mapping[str, ServedStage]] = field(default_factory=dict)
    api_of_host: Mapping[str, Api] = field(default_factory=dict)
    domains: Mapping[str, tuple[_ServedMapping, ...]] = field(default_factory=dict)

    @classmethod
    def build(cls, configuration: Configuration, region: str, access: Callable[[str, str, str], Access]) -> "Directory":
        """Compile a configuration; raises ``TerrellaError``. ``access`` keeps the counts of (API, stage, route)."""
        stages: dict[str, dict[str, ServedStage]] = {api_id: {} for api_id in configuration.apis}
        for stage in configuration.stages.values():
            api = configuration.apis[stage.api_id]
            stages[api.api_id][stage.name] = _serve(api, stage, region, access)
        domains = {
            domain: tuple(
                sorted(
                    (
                        _ServedMapping(
                            f"/{mapping.base_path}" if mapping.base_path else "", mapping.api_id, mapping.stage
                        )
                        for mapping in configuration.mappings.values()
                        if mapping.domain == domain
                    ),
                    key=lambda served: -len(served.prefix),
                )
            )
            for domain in configuration.domains
        }
        hosts = {execute_api_host(api_id, region): api for api_id, api in configuration.apis.items()}
        return cls(region, stages, hosts, domains)

    def locate(self, host: str, path: str) -> Located | NotLocated:
        """Find the stage for a Host header (it may carry a port) and a raw path."""
        if path.startswith(DIRECT_PREFIX):
            api_id, _, rest = path[len(DIRECT_PREFIX) :].partition("/")
            api = self.api_of_host.get(execute_api_host(unquote(api_id), self.region))
            return self._in_api(api, f"/{rest}", direct=True) if api else NotLocated()
        name = host_name(host)
        api = self.api_of_host.get(name)
        if api is not None:
            return self._in_api(api, path)
        mappings = self.domains.get(name)
        if mappings is None:
            return self._by_address(path) if is_bare(name) else NotLocated()
        for mapping in mappings:
            if not mapping.prefix or path == mapping.prefix or path.startswith(mapping.prefix + "/"):
                return self._mapped(mapping, path, name)
        return NotLocated()

    def _by_address(self, path: str) -> Located | NotLocated:
        """A region that has one API only serves it under its bare address too, and its one stage without its name."""
        if len(self.api_of_host) != 1:
            return NotLocated(bare_host=True)
        (api,) = self.api_of_host.values()
        located = self._in_api(api, path)
        stages = self.stages[api.api_id]
        if isinstance(located, NotLocated) and api.execute_api and len(stages) == 1:
            (served,) = stages.values()
            return Located(served, path, path, path, served.domain_name)
        return located

    def _in_api(self, api: Api, path: str, *, direct: bool = False) -> Located | NotLocated:
        is_http = isinstance(api, HttpApi)
        stages = self.stages[api.api_id]
        if not api.execute_api:
            return NotLocated(http_api=is_http)
        first, _, rest = path[1:].partition("/")
        name = unquote(first) if direct else first
        served = stages.get(name)
        if served is not None and (direct or name != DEFAULT_ROUTE):
            inner = f"/{rest}"
            shown = inner if name == DEFAULT_ROUTE else path
            return Located(served, inner, shown if is_http else inner, shown, served.domain_name)
        default = stages.get(DEFAULT_ROUTE) if is_http and not direct else None
        if default is not None:
            return Located(default, path, path, path, default.domain_name)
        return NotLocated(http_api=is_http)

    def _mapped(self, mapping: _ServedMapping, path: str, domain: str) -> Located | NotLocated:
        inner = path[len(mapping.prefix) :] or "/"
        name = mapping.stage
        if not name:
            name, _, rest = inner[1:].partition("/")
            inner = f"/{rest}"
        served = self.stages[mapping.api_id].get(name)
        if served is None:
            return NotLocated()
        context_path = path
        if isinstance(served.api, HttpApi):
            # Format 2.0 does not show the mapping; it shows the stage, as under the API's own name.
            context_path = inner if name == DEFAULT_ROUTE else f"/{name}{inner}"
        return Located(served, inner, path, context_path, domain)


def execute_api_host(api_id: str, region: str) -> str:
    """The name under which an API is reached."""
    return f"{api_id}.execute-api.{region}.amazonaws.com".lower()


def host_name(host: str) -> str:
    """A Host header's name, in lower case and without a port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower().rstrip(".")


def is_bare(name: str) -> bool:
    """Whether a host is an IP address or localhost, which no API can be told by."""
    return name in ("", "localhost") or name.startswith("[") or name.replace(".", "").isdigit()


def _resource_id(api_id: str, path: str) -> str:
    digits = hashlib.blake2b(f"{api_id}{path}".encode(), digest_size=8).hexdigest()
    return digits[:10] if path == "/" else digits[:6]


def _serve(api: Api, stage: Stage, region: str, access: Callable[[str, str, str], Access]) -> ServedStage:
    endpoints = []
    for method in api.methods:
        key = DEFAULT_ROUTE if method.path == DEFAULT_ROUTE else f"{method.method} {method.path}"
        function = ""
        if isinstance(method.integration, LambdaIntegration):
            where = f"{api.name} ({api.api_id}), stage {stage.name}, {key}"
            function = method.integration.function_of_stage(stage.variables, region, where)
        resource_id = _resource_id(api.api_id, method.path)
        endpoints.append(Endpoint(method, key, resource_id, function, access(api.api_id, stage.name, key)))
    strict = isinstance(api, HttpApi)
    table = RouteTable(((one.method.method or ANY, one.method.path, one) for one in endpoints), strict=strict)
    types = frozenset(one.lower() for one in api.binary_media_types) if isinstance(api, RestApi) else frozenset()
    return ServedStage(api, stage, execute_api_host(api.api_id, region), table, tuple(endpoints), types)
