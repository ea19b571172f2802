"""What has to be done to turn one stack into another: frozen instructions, in order. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from terrella.stack.resources import Resource, Stack
from terrella.stack.support import resource_type


class Action(StrEnum):
    """What an instruction does. ``RETAIN``: the resource leaves the stack, and stays."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RETAIN = "retain"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One step. ``changed`` names the properties that differ (``Code`` if the code's content does).

    ``resource`` is the resource as it shall be (for ``DELETE`` and ``RETAIN``: as it was), ``before`` as it was. With
    ``replaces``, the update makes it another resource, and what it held does not go with it.
    """

    action: Action
    logical_id: str
    type: str
    why: str
    resource: Resource
    before: Resource | None = None
    changed: tuple[str, ...] = ()
    replaces: bool = False


def plan(current: Stack | None, desired: Stack) -> list[Instruction]:
    """Creations and updates, each after what it depends on; then deletions, each before what it depends on."""
    before: Mapping[str, Resource] = current.resources if current else {}
    steps = []
    removed = [one for name, one in before.items() if not _goes_on(one, desired.resources.get(name))]
    for name, resource in desired.resources.items():
        old = before.get(name)
        if old is None or not _goes_on(old, resource):
            steps.append(Instruction(Action.CREATE, name, resource.type, "it is new", resource))
            continue
        changed = _changed(old, resource)
        if changed:
            replaces = old.physical_id != resource.physical_id or bool(
                resource_type(resource.type).replaced_by & set(changed)
            )
            why = f"{', '.join(changed)} changed"
            steps.append(Instruction(Action.UPDATE, name, resource.type, why, resource, old, changed, replaces))
    for resource in reversed(removed):
        action, why = (
            (Action.RETAIN, "its DeletionPolicy keeps it") if resource.retained else (Action.DELETE, "it is gone")
        )
        if resource.logical_id in desired.resources:
            why = f"it is now {desired.resources[resource.logical_id].type}"
        steps.append(Instruction(action, resource.logical_id, resource.type, why, resource, resource))
    return steps


def _goes_on(old: Resource, new: Resource | None) -> bool:
    return new is not None and new.type == old.type


def _changed(old: Resource, new: Resource) -> tuple[str, ...]:
    names = [name for name in {**old.properties, **new.properties} if _value(old, name) != _value(new, name)]
    if old.code_hash != new.code_hash and "Code" not in names:
        names.append("Code")
    if old.physical_id != new.physical_id and not names:
        names.append("physical id")
    return tuple(sorted(names))


def _value(resource: Resource, name: str) -> Any:
    return resource.properties.get(name)
