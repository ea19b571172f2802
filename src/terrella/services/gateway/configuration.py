"""What the gateway serves: APIs, stages, custom domains, mappings. Every change makes a new one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from terrella.kernel import TerrellaError
from terrella.services.gateway.apis import Api, HttpApi, RestApi
from terrella.services.gateway.routes import DEFAULT_ROUTE
from terrella.services.gateway.support import GatewayResource, refuse_unsupported

_V1, _V2 = "AWS::ApiGateway::", "AWS::ApiGatewayV2::"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of an API; ``$default`` of an HTTP API has no prefix in the path."""

    api_id: str
    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    deployment_id: str = ""

    @classmethod
    def from_cloudformation(cls, resource: GatewayResource) -> Self:
        """Read a ``Stage`` of either kind, or a ``Deployment`` with a ``StageName``. Raises ``TerrellaError``."""
        refuse_unsupported([resource])
        properties = resource.properties
        variables = properties.get("Variables") or properties.get("StageVariables") or {}
        deployment_id = str(properties.get("DeploymentId", ""))
        if resource.type == _V1 + "Deployment":
            variables = (properties.get("StageDescription") or {}).get("Variables") or {}
            deployment_id = resource.physical_id
        name = properties.get("StageName")
        if not name:
            raise TerrellaError(f"{resource}: it has no StageName")
        return cls(
            str(properties.get("RestApiId") or properties.get("ApiId") or ""),
            str(name),
            {key: str(value) for key, value in variables.items()},
            deployment_id,
        )


_MAPPINGS_ONLY = ("BASE_PATH_MAPPING_ONLY", "API_MAPPING_ONLY")  # the defaults of API Gateway's two versions


@dataclass(frozen=True, slots=True)
class DomainName:
    """A custom domain name."""

    name: str

    @classmethod
    def from_cloudformation(cls, resource: GatewayResource) -> Self:
        """Read a ``DomainName`` of either kind. Raises ``TerrellaError``."""
        refuse_unsupported([resource])
        if resource.properties.get("RoutingMode", _MAPPINGS_ONLY[0]) not in _MAPPINGS_ONLY:
            raise TerrellaError(
                f"{resource}: RoutingMode {resource.properties['RoutingMode']} is refused: not built yet"
            )
        return cls(str(resource.properties.get("DomainName") or resource.physical_id).lower().rstrip("."))


@dataclass(frozen=True, slots=True)
class ApiMapping:
    """Where a custom domain's paths lead; no slashes around ``base_path``; without a ``stage``, the path names it."""

    domain: str
    base_path: str
    api_id: str
    stage: str

    @classmethod
    def from_cloudformation(cls, resource: GatewayResource) -> Self:
        """Read a ``BasePathMapping`` or an ``ApiMapping``. Raises ``TerrellaError``."""
        refuse_unsupported([resource])
        properties = resource.properties
        base = str(properties.get("BasePath") or properties.get("ApiMappingKey") or "").strip("/")
        return cls(
            str(properties.get("DomainName", "")).lower().rstrip("."),
            "" if base == "(none)" else base,
            str(properties.get("RestApiId") or properties.get("ApiId") or ""),
            str(properties.get("Stage") or ""),
        )


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that is served, by its keys."""

    apis: Mapping[str, Api] = field(default_factory=dict)
    stages: Mapping[tuple[str, str], Stage] = field(default_factory=dict)
    domains: Mapping[str, DomainName] = field(default_factory=dict)
    mappings: Mapping[tuple[str, str], ApiMapping] = field(default_factory=dict)

    @classmethod
    def from_resources(cls, resources: Iterable[GatewayResource]) -> Self:
        """Read all API Gateway resources of a region's stacks, in any order. Raises ``TerrellaError``."""
        by_type: dict[str, list[GatewayResource]] = {}
        for resource in resources:
            refuse_unsupported([resource])
            by_type.setdefault(resource.type, []).append(resource)

        def of(resource_type: str, api_id: str | None = None) -> list[GatewayResource]:
            found = by_type.get(resource_type, [])
            if api_id is None:
                return found
            return [one for one in found if api_id in (one.properties.get("RestApiId"), one.properties.get("ApiId"))]

        apis: list[Api] = [
            RestApi.from_cloudformation(
                one.physical_id,
                one.properties,
                of(_V1 + "Resource", one.physical_id),
                of(_V1 + "Method", one.physical_id),
                one.logical_id,
            )
            for one in of(_V1 + "RestApi")
        ]
        apis += [
            HttpApi.from_cloudformation(
                one.physical_id,
                one.properties,
                of(_V2 + "Route", one.physical_id),
                of(_V2 + "Integration", one.physical_id),
                one.logical_id,
            )
            for one in of(_V2 + "Api")
        ]
        made_by_deployments = [one for one in of(_V1 + "Deployment") if one.properties.get("StageName")]
        configuration = cls()
        for api in apis:
            configuration = configuration.with_api(api)
        for resource in [*made_by_deployments, *of(_V1 + "Stage"), *of(_V2 + "Stage")]:
            configuration = configuration.with_stage(Stage.from_cloudformation(resource))
        for resource in [*of(_V1 + "DomainName"), *of(_V2 + "DomainName")]:
            configuration = configuration.with_domain(DomainName.from_cloudformation(resource))
        for resource in [*of(_V1 + "BasePathMapping"), *of(_V2 + "ApiMapping")]:
            configuration = configuration.with_mapping(ApiMapping.from_cloudformation(resource))
        return configuration

    def with_api(self, api: Api) -> Self:
        """Add or replace an API; its stages and mappings stay."""
        stages = dict(self.stages)
        if isinstance(api, HttpApi) and api.default_stage:
            stages.setdefault((api.api_id, DEFAULT_ROUTE), Stage(api.api_id, DEFAULT_ROUTE))
        return replace(self, apis={**self.apis, api.api_id: api}, stages=stages)

    def without_api(self, api_id: str) -> Self:
        """Remove an API with its stages and mappings."""
        return replace(
            self,
            apis={key: api for key, api in self.apis.items() if key != api_id},
            stages={key: stage for key, stage in self.stages.items() if stage.api_id != api_id},
            mappings={key: mapping for key, mapping in self.mappings.items() if mapping.api_id != api_id},
        )

    def with_stage(self, stage: Stage) -> Self:
        """Add or replace a stage of a known API."""
        self._require_api(stage.api_id, f"the stage {stage.name}")
        return replace(self, stages={**self.stages, (stage.api_id, stage.name): stage})

    def without_stage(self, api_id: str, name: str) -> Self:
        """Remove a stage and the mappings to it."""
        kept = {key: value for key, value in self.mappings.items() if (value.api_id, value.stage) != (api_id, name)}
        stages = {key: stage for key, stage in self.stages.items() if key != (api_id, name)}
        return replace(self, stages=stages, mappings=kept)

    def with_domain(self, domain: DomainName) -> Self:
        """Add a custom domain name."""
        return replace(self, domains={**self.domains, domain.name: domain})

    def without_domain(self, name: str) -> Self:
        """Remove a custom domain name and its mappings."""
        name = name.lower().rstrip(".")
        kept = {key: mapping for key, mapping in self.mappings.items() if mapping.domain != name}
        return replace(self, domains={key: one for key, one in self.domains.items() if key != name}, mappings=kept)

    def with_mapping(self, mapping: ApiMapping) -> Self:
        """Add or replace what a base path of a known domain leads to."""
        what = f"the mapping of {mapping.domain}/{mapping.base_path}"
        self._require_api(mapping.api_id, what)
        if mapping.domain not in self.domains:
            raise TerrellaError(f"API Gateway: {what} is for a domain name that is not deployed in this region")
        if mapping.stage and (mapping.api_id, mapping.stage) not in self.stages:
            raise TerrellaError(f"API Gateway: {what} leads to {mapping.api_id}, which has no stage {mapping.stage}")
        return replace(self, mappings={**self.mappings, (mapping.domain, mapping.base_path): mapping})

    def without_mapping(self, domain: str, base_path: str) -> Self:
        """Remove what a base path leads to."""
        gone = (domain.lower().rstrip("."), base_path.strip("/"))
        return replace(self, mappings={key: value for key, value in self.mappings.items() if key != gone})

    def _require_api(self, api_id: str, what: str) -> None:
        if api_id not in self.apis:
            raise TerrellaError(
                f"API Gateway: {what} belongs to the API {api_id!r}, which is not deployed in this region"
            )
