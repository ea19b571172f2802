"""A template and one region's parameters to a stack: names, references, conditions, order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from terrella.stack.code import text_digest
from terrella.stack.errors import Mistake, PathStep, at
from terrella.stack.identifiers import Scope
from terrella.stack.intrinsics import ABSENT, resolve, text_of, truth
from terrella.stack.kinds import as_kinds
from terrella.stack.local_files import mapping_at
from terrella.stack.parameters import parameter_values
from terrella.stack.resources import Resource, Stack, fingerprint_of, version_of
from terrella.stack.support import ResourceType, Verdict, resource_type
from terrella.stack.template import Template, Translation

_RESOURCE_KEYS = frozenset(
    {"Type", "Properties", "Condition", "DependsOn", "Metadata"}
    | {"DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy"}
)
_KEPT = ("Retain", "RetainExceptOnCreate", "Snapshot")


def evaluate(
    template: Template,
    *,
    region: str,
    parameters: Mapping[str, Any],
    stack_name: str,
    account: str,
    world: str,
    zones: Sequence[str] = (),
) -> Stack:
    """The template's resources and outputs for one region.

    ``parameters`` are the values of the template's parameters there; ``zones`` the names of the region's availability
    zones (by default its first three). Raises ``TemplateError``. Evaluated for the same arguments, the same template
    gives the same stack, physical ids included. Code is read as it is now, once for each ``Template``.
    """
    scope = Scope(world, stack_name, region, account)
    try:
        values = parameter_values(template.source, parameters)
        translation = template.translated({**values, "AWS::Region": region})
        return _Evaluation(template, translation, scope, values, list(zones)).stack()
    except Mistake as mistake:
        raise template.error(mistake) from mistake


class _Evaluation:
    """One evaluation; it is the ``Surroundings`` of every intrinsic function in the template."""

    def __init__(
        self, template: Template, translation: Translation, scope: Scope, values: Mapping[str, Any], zones: list[str]
    ) -> None:
        self._template = template
        self._code_paths = translation.code_paths
        self._scope = scope
        self._zones = zones or [scope.region + letter for letter in "abc"]
        self._resources = mapping_at(translation.document, "Resources")
        self._conditions = mapping_at(translation.document, "Conditions")
        self._mappings = mapping_at(translation.document, "Mappings")
        self._outputs = mapping_at(translation.document, "Outputs")
        self._values: dict[str, Any] = {
            **values,
            "AWS::Region": scope.region,
            "AWS::AccountId": scope.account,
            "AWS::StackName": scope.stack_name,
            "AWS::StackId": scope.stack_id,
            "AWS::Partition": scope.partition,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NotificationARNs": [],
            "AWS::NoValue": ABSENT,
        }
        self._verdicts: dict[str, bool] = {}
        self._open_conditions: list[str] = []
        self._words: dict[str, dict[str, object]] = {}
        self._open_names: list[str] = []
        self._referenced: set[str] = set()

    def stack(self) -> Stack:
        """Evaluate everything."""
        for name in self._conditions:
            self.condition(name)
        made = {name: self._resource(name) for name in self._resources if self._is_made(name)}
        ordered = {name: made[name] for name in self._order(made)}
        outputs = {
            name: self._output(name, output)
            for name, output in self._outputs.items()
            if not isinstance(output, dict) or "Condition" not in output or self._holds(("Outputs", name), output)
        }
        return Stack(
            name=self._scope.stack_name,
            region=self._scope.region,
            resources=ordered,
            outputs=outputs,
            version=version_of(self._template.content_digest, self._code_hashes()),
            fingerprint=fingerprint_of(ordered, outputs),
        )

    # What intrinsic functions ask (``Surroundings``).

    def reference(self, name: str) -> Any:
        """What ``Ref`` answers."""
        if name in self._values:
            return self._values[name]
        known = self._known(name, "Ref")
        return self._formatted(name, known.ref)

    def attribute(self, logical_id: str, name: str) -> Any:
        """What ``Fn::GetAtt`` answers."""
        known = self._known(logical_id, "Fn::GetAtt")
        pattern = known.attributes.get(name)
        if pattern is None and known.verdict is Verdict.INERT and name.endswith("Id"):
            pattern = "{id}"
        if pattern is None and known.verdict is Verdict.REFUSED:
            return f"{logical_id}.{name}"  # the resource is refused by name; whoever skips it gets a name to recognise
        if pattern is None:
            has = (
                f"it has {', '.join(known.attributes)}" if known.attributes else "none of its attributes is known here"
            )
            raise Mistake(f"{logical_id} ({known.name}) has no attribute {name}; {has}")
        if isinstance(pattern, tuple):
            return [self._formatted(logical_id, part) for part in pattern]
        return self._formatted(logical_id, pattern)

    def condition(self, name: str) -> bool:
        """Whether a condition holds."""
        if name in self._verdicts:
            return self._verdicts[name]
        if name not in self._conditions:
            raise Mistake(f"there is no condition {name}{_close(name, self._conditions)}")
        if name in self._open_conditions:
            circle = " → ".join([*self._open_conditions[self._open_conditions.index(name) :], name])
            raise Mistake(f"the condition {name} depends on itself: {circle}")
        self._open_conditions.append(name)
        with self._located("Conditions", name):
            self._verdicts[name] = truth(self._conditions[name], self)
        self._open_conditions.pop()
        return self._verdicts[name]

    def mapping(self, name: str) -> Any:
        """A section of ``Mappings``."""
        return self._mappings.get(name)

    def zones(self, region: str) -> list[str]:
        """The availability zones of a region."""
        return self._zones if region in ("", self._scope.region) else [region + letter for letter in "abc"]

    # Resources.

    def _known(self, logical_id: str, function: str) -> ResourceType:
        resource = self._resources.get(logical_id)
        if resource is None:
            names = [*self._values, *self._resources]
            raise Mistake(
                f"{function} names {logical_id}, which is no parameter or resource{_close(logical_id, names)}"
            )
        if not self._is_made(logical_id):
            raise Mistake(
                f"{function} names {logical_id}, which is not made in {self._scope.region}: its condition"
                f" {resource['Condition']} does not hold there; choose with Fn::If"
            )
        self._referenced.add(logical_id)
        return resource_type(resource["Type"])

    def _is_made(self, logical_id: str) -> bool:
        return self._holds(("Resources", logical_id), self._resources[logical_id])

    def _holds(self, path: tuple[PathStep, ...], declaration: dict[str, Any]) -> bool:
        name = declaration.get("Condition")
        if name is None:
            return True
        with self._located(*path, "Condition"):
            if not isinstance(name, str):
                raise Mistake("Condition takes the name of a condition")
            return self.condition(name)

    def _formatted(self, logical_id: str, pattern: str) -> str:
        """A format string of the support tables, filled in for a resource."""
        words = self._words.get(logical_id)
        if words is None:
            if logical_id in self._open_names:
                raise Mistake(f"the name of {logical_id} depends on itself")
            self._open_names.append(logical_id)
            words = {**self._scope.words(logical_id, self._reader(logical_id))}
            words["id"] = self._physical_id(logical_id, words)
            self._words[logical_id] = words
            self._open_names.pop()
        return pattern.format_map(words)

    def _physical_id(self, logical_id: str, words: Mapping[str, object]) -> str:
        known = resource_type(self._resources[logical_id]["Type"])
        if known.named_by:
            name = self._property(logical_id, known.named_by)
            if name is not ABSENT:
                return text_of(name)
        return known.identity.format_map(words)

    def _property(self, logical_id: str, name: str) -> Any:
        """One resolved property; its references are not dependencies of who asks."""
        properties = mapping_at(self._resources, logical_id, "Properties")
        if name not in properties:
            return ABSENT
        before = set(self._referenced)
        with self._located("Resources", logical_id, "Properties", name):
            value = resolve(properties[name], self)
        self._referenced = before
        return value

    @contextmanager
    def _located(self, *path: PathStep) -> Iterator[None]:
        """A mistake inside is one at this path, wherever the evaluation came from."""
        try:
            with at(*path):
                yield
        except Mistake as mistake:
            raise self._template.error(mistake) from mistake

    def _reader(self, logical_id: str) -> Callable[[str], str]:
        def read(name: str) -> str:
            value = self._property(logical_id, name)
            return "" if value is ABSENT else text_of(value)

        return read

    def _resource(self, logical_id: str) -> Resource:
        declaration = self._resources[logical_id]
        known = resource_type(declaration["Type"])
        properties: dict[str, Any] = {}
        depends_on: set[str] = set()
        retained = False
        with at("Resources", logical_id):
            unknown = sorted(set(declaration) - _RESOURCE_KEYS)
            if unknown:
                has = f"a resource has no {unknown[0]}; expected {', '.join(sorted(_RESOURCE_KEYS))}"
                raise Mistake(has, unknown[:1])
            self._referenced = set()
            if known.verdict is not Verdict.REFUSED:  # what is never made need not make sense, nor order the rest
                with at("Properties"):
                    properties = as_kinds(resolve(declaration.get("Properties", {}), self), known.properties)
                with at("DeletionPolicy"):
                    retained = resolve(declaration.get("DeletionPolicy", "Delete"), self) in _KEPT
                depends_on = self._referenced | set(self._explicit(declaration))
            physical_id = self._formatted(logical_id, "{id}")
        code_path, code_hash = self._code(logical_id, properties)
        return Resource(
            logical_id=logical_id,
            type=known.name,
            properties=properties,
            physical_id=physical_id,
            line=self._template.line_of(("Resources", logical_id)),
            verdict=known.verdict,
            depends_on=tuple(sorted(depends_on)),
            retained=retained,
            code_path=code_path,
            code_hash=code_hash,
        )

    def _explicit(self, declaration: dict[str, Any]) -> list[str]:
        names = declaration.get("DependsOn", [])
        names = names if isinstance(names, list) else [names]
        for name in names:
            if not isinstance(name, str) or name not in self._resources:
                raise Mistake(
                    f"DependsOn names {name}, which is no resource{_close(str(name), self._resources)}", ["DependsOn"]
                )
        return [name for name in names if self._is_made(name)]

    def _code(self, logical_id: str, properties: Mapping[str, Any]) -> tuple[Path | None, str | None]:
        """Where a function's code is, and the hash of it."""
        if self._resources[logical_id]["Type"] != "AWS::Lambda::Function":
            return None, None
        local = self._code_paths.get(logical_id)
        if local is None:
            inline = mapping_at(properties, "Code").get("ZipFile")
            return None, text_digest(inline) if isinstance(inline, str) else None
        path = (self._template.path.parent / local).resolve()
        if not path.exists():
            message = f"the code of {logical_id} should be at {local}; there is no {path}"
            raise self._template.error_at(self._template.code_path_of(logical_id), message)
        return path, self._template.code_digest(path)

    def _code_hashes(self) -> dict[str, str]:
        """Of all functions, made in this region or not, so that every region names the same code alike."""
        paths = {name: (self._template.path.parent / local).resolve() for name, local in self._code_paths.items()}
        return {name: self._template.code_digest(path) for name, path in paths.items() if path.exists()}

    def _order(self, made: Mapping[str, Resource]) -> list[str]:
        """Each resource after those that it depends on."""
        for resource in made.values():
            if resource.logical_id in resource.depends_on:
                raise Mistake(f"{resource.logical_id} refers to itself", ["Resources", resource.logical_id])
        sorter = TopologicalSorter({name: [] for name in made})
        for resource in made.values():
            sorter.add(resource.logical_id, *resource.depends_on)
        try:
            return list(sorter.static_order())
        except CycleError as error:
            circle = error.args[1]
            raise Mistake(
                f"resources depend on each other in a circle: {' → '.join(circle)}", ["Resources", circle[0]]
            ) from error

    def _output(self, name: str, output: Any) -> Any:
        with at("Outputs", name):
            if not isinstance(output, dict) or "Value" not in output:
                raise Mistake(f"the output {name} has no Value")
            with at("Value"):
                return resolve(output["Value"], self)


def _close(name: str, names: Any) -> str:
    close = get_close_matches(name, list(names), 1)
    return f"; did you mean {close[0]}?" if close else ""
