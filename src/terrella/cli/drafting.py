"""What first files are made of: an application's routes, and whether Route 53 leads clients to it."""

from dataclasses import dataclass
from pathlib import Path

import click

from terrella.kernel import TerrellaError
from terrella.region import ACCOUNT
from terrella.stack import Stack, evaluate, load_template
from terrella.world import World

_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "ANY"))


@dataclass(frozen=True, slots=True)
class Application:
    """``routes`` are methods and paths; ``named``: it has Route 53 records, which lead clients to its regions."""

    routes: list[tuple[str, str]]
    named: bool


def application_of(world: World) -> Application:
    """What the template's definitions say, as its first region has it. Raises ``TerrellaError`` for a bad template."""
    region, settings = next(iter(world.regions.items()))
    stack = evaluate(
        load_template(world.template, world.state_directory / "cache"),
        region=region,
        parameters=settings.parameters,
        stack_name=world.name,
        account=ACCOUNT,
        world=world.name,
    )
    named = bool(stack.of_type("AWS::Route53::RecordSet", "AWS::Route53::RecordSetGroup"))
    return Application(_routes(stack), named)


def _routes(stack: Stack) -> list[tuple[str, str]]:
    found = []
    for api in stack.of_type("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"):
        for path, methods in ((api.properties.get("Body") or {}).get("paths") or {}).items():
            names = [str(name).removeprefix("x-amazon-apigateway-").removesuffix("-method").upper() for name in methods]
            found += [(name, str(path)) for name in names if name in _METHODS]
    for route in stack.of_type("AWS::ApiGatewayV2::Route"):
        method, _, path = str(route.properties.get("RouteKey", "")).partition(" ")
        found += [(method, path)] if path else []
    return found


def save(path: Path, text: str) -> None:
    """Write a file, its directories too, and say so. Raises ``TerrellaError`` where that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TerrellaError(f"could not write {path}: {error.strerror or error}") from error
    click.echo(f"Wrote {path}")
