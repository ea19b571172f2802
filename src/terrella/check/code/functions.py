"""The functions of a template: their code, their environment, and what calls them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terrella.check.code.files import PYTHON, SCRIPT, SourceFile, reachable
from terrella.check.source import Declared, literal, mapping, texts
from terrella.check.view import WorldView

_APIS = ("AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api")
_TYPES = ("AWS::Serverless::Function", "AWS::Lambda::Function")


@dataclass(frozen=True, slots=True)
class FunctionCode:
    """A function as it was written. ``routes`` are method and path of each API event; ``sources`` what was found.

    ``handler`` is the name of the function in the first of them: ``handler`` of ``src/app.handler``.
    """

    declared: Declared
    environment: frozenset[str]
    routes: tuple[tuple[str, str], ...]
    sources: tuple[SourceFile, ...]
    handler: str = ""

    @property
    def text(self) -> str:
        """All code that it can reach."""
        return "\n".join(source.text for source in self.sources)


def functions(view: WorldView) -> list[FunctionCode]:
    """Every function of the template, those without code here too."""
    if "functions" not in view.memo:
        defaults = mapping(view.template.source, "Globals", "Function")
        routes = _routes_of_definitions(view)
        view.memo["functions"] = [
            _function(view, one, defaults, routes.get(one.logical_id, [])) for one in view.declared(*_TYPES)
        ]
    found: list[FunctionCode] = view.memo["functions"]
    return found


def files_of(view: WorldView) -> list[Path]:
    """The files of handlers that were looked at, each once."""
    found = {source.path for one in functions(view) for source in one.sources}
    return sorted(found - {view.template.path})


def _function(
    view: WorldView, one: Declared, defaults: Mapping[str, Any], routes: list[tuple[str, str]]
) -> FunctionCode:
    is_sam = one.type == "AWS::Serverless::Function"
    merged = {**defaults, **one.properties} if is_sam else one.properties
    variables = set(mapping(one.properties, "Environment", "Variables"))
    if is_sam:
        variables |= set(mapping(defaults, "Environment", "Variables"))
    handler = merged.get("Handler")
    return FunctionCode(
        one,
        frozenset(variables),
        (*_routes(one), *routes),
        tuple(_sources(view, one, merged, is_sam=is_sam)),
        handler.rpartition(".")[2] if isinstance(handler, str) else "",
    )


def _routes_of_definitions(view: WorldView) -> Mapping[str, list[tuple[str, str]]]:
    """Method and path by function, as OpenAPI definitions in the template give them."""
    found: dict[str, list[tuple[str, str]]] = {}
    names = {one.logical_id for one in view.declared(*_TYPES)}
    for one in view.declared(*_APIS):
        definition = mapping(one.properties.get("DefinitionBody") or one.properties.get("Body"))
        for path, operations in mapping(definition, "paths").items():
            for method, operation in mapping(operations).items():
                called = mapping(operation, "x-amazon-apigateway-integration").get("uri")
                words = {word for _, text in texts(called) for word in re.findall(r"\w+", text)}
                for name in words & names:
                    found.setdefault(name, []).append((str(method).upper().replace("X-AMAZON-APIGATEWAY-", ""), path))
    return found


def _routes(one: Declared) -> Iterator[tuple[str, str]]:
    for event in mapping(one.properties, "Events").values():
        if mapping(event).get("Type") in ("Api", "HttpApi"):
            properties = mapping(event, "Properties")
            yield str(properties.get("Method", "any")).upper(), str(properties.get("Path", "/"))


def _sources(view: WorldView, one: Declared, merged: Mapping[str, Any], *, is_sam: bool) -> list[SourceFile]:
    runtime, handler = merged.get("Runtime"), merged.get("Handler")
    language = _language(runtime if isinstance(runtime, str) else "")
    if language is None or not isinstance(handler, str):
        return []
    inline = merged.get("InlineCode") if is_sam else mapping(merged, "Code").get("ZipFile")
    if inline is not None:
        path = (*one.path, "InlineCode") if is_sam else (*one.path, "Code", "ZipFile")
        return [SourceFile(view.template.path, language, literal(inline), view.line(*path))]
    uri = merged.get("CodeUri") if is_sam else merged.get("Code")
    if not isinstance(uri, str) or uri.startswith(("s3://", "http")):
        return []
    directory = (view.template.path.parent / uri).resolve()
    module = handler.rpartition(".")[0]
    module = module.replace(".", "/") if language == PYTHON else module
    return reachable(directory, module, language) if directory.is_dir() else []


def _language(runtime: str) -> str | None:
    if runtime.startswith("python"):
        return PYTHON
    return SCRIPT if runtime.startswith("nodejs") else None


def routes_of_path(functions_: list[FunctionCode], path: str) -> list[FunctionCode]:
    """The functions that answer GET on a path, whatever stage stands before it."""
    wanted = path.rstrip("/")
    found = []
    for one in functions_:
        for method, route in one.routes:
            fits = wanted == route.rstrip("/") or (route != "/" and wanted.endswith(route.rstrip("/")))
            if fits and method in ("GET", "ANY", "HEAD"):
                found.append(one)
    return found
