"""The support tables as the Markdown that stands in ``docs/template.md``."""

from collections.abc import Iterator, Mapping

from terrella.stack.support import FAMILIES
from terrella.stack.support.model import Property, ResourceType, Verdict


def support_tables() -> str:
    """One section for each family of services: its types, and the properties of those that are honoured."""
    return "\n".join(line for title, family in FAMILIES.items() for line in _family(title, family.TYPES))


def _family(title: str, types: list[ResourceType]) -> Iterator[str]:
    yield from (f"### {title}", "", "| type | here | |", "| --- | --- | --- |")
    for known in sorted(types, key=lambda one: list(Verdict).index(one.verdict)):
        yield f"| `{known.name}` | {known.verdict} | {known.reason} |"
    yield ""
    for known in types:
        if known.verdict is Verdict.HONOURED:
            yield from (f"**`{known.name}`**", "", *_properties(known.properties), "")


def _properties(properties: Mapping[str, Property]) -> Iterator[str]:
    rows = list(_rows(properties, ""))
    plain = [
        f"`{name}`{f' ({what.reason})' if what.reason else ''}{_limit(what)}" for name, what in rows if _acts(what)
    ]
    yield f"- honoured: {', '.join(plain)}"
    for verdict in (Verdict.INERT, Verdict.REFUSED):
        reasons: dict[str, list[str]] = {}
        for name, what in rows:
            if what.verdict is verdict:
                reasons.setdefault(what.reason, []).append(f"`{name}`")
        for reason, names in reasons.items():
            yield f"- {verdict}: {', '.join(names)}: {reason}"


def _acts(what: Property) -> bool:
    return what.verdict is Verdict.HONOURED


def _is_plain(what: Property) -> bool:
    return _acts(what) and not what.allowed and all(_is_plain(member) for member in (what.members or {}).values())


def _limit(what: Property) -> str:
    if not what.allowed:
        return ""
    if any(sign in what.allowed for sign in r"\(["):  # a pattern, and no list of words
        return f" ({what.otherwise})"
    return f" (only `{what.allowed.replace('|', '`, `')}`)"


def _rows(properties: Mapping[str, Property], prefix: str) -> Iterator[tuple[str, Property]]:
    for name, what in properties.items():
        if what.members is None or all(_is_plain(member) for member in what.members.values()):
            yield f"{prefix}{name}", what
        else:
            yield from _rows(what.members, f"{prefix}{name}.")
