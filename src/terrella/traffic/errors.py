"""What can be wrong with records and health checks.

``TrafficError``   a record set, health check or zone that Route 53 would refuse, or that is not built here; the text
                   names the logical id and the region whose stack holds it, what was found and what was expected
"""

from collections.abc import Mapping

from terrella.kernel import TerrellaError


class TrafficError(TerrellaError):
    """A record set or health check that cannot be served, in one sentence."""


class Properties:
    """Reads one resource's resolved properties, and names the resource and the property in every complaint."""

    def __init__(self, owner: str, values: object, path: str = "") -> None:
        self.owner = owner
        self._path = path
        if not isinstance(values, Mapping):
            raise self.error(f"{path or 'Properties'} is {values!r}; expected a mapping")
        self._values: Mapping[str, object] = values

    def error(self, what: str) -> TrafficError:
        """A complaint about this resource."""
        return TrafficError(f"{self.owner}: {what}")

    def only(self, known: set[str]) -> None:
        """Complain about a property that is not in ``known``."""
        unknown = sorted(set(self._values) - known)
        if unknown:
            raise self.error(f"{self._name(unknown[0])} is not known here; known are {', '.join(sorted(known))}")

    def has(self, name: str) -> bool:
        """Whether the property is given."""
        return self._values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A string (a number or boolean is taken as its text, as CloudFormation does)."""
        value = self._values.get(name)
        if value is None:
            if default is None:
                raise self.error(f"{self._name(name)} is missing")
            return default
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str | int | float):
            raise self.error(f"{self._name(name)} is {value!r}; expected a string")
        return str(value)

    def optional_text(self, name: str) -> str | None:
        """A string, or None where it is not given."""
        return self.text(name) if self.has(name) else None

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number between ``low`` and ``high``, given as a number or as its text."""
        if not self.has(name) and default is not None:
            return default
        text = self.text(name)
        if not text.removeprefix("-").isdecimal() or not low <= int(text) <= high:
            raise self.error(f"{self._name(name)} is {text}; expected a whole number from {low} to {high}")
        return int(text)

    def flag(self, name: str) -> bool:
        """A boolean, given as such or as ``"true"``/``"false"``; False where it is not given."""
        text = self.text(name, "false").lower()
        if text not in ("true", "false"):
            raise self.error(f"{self._name(name)} is {text!r}; expected true or false")
        return text == "true"

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings; empty where it is not given."""
        values = self._values.get(name)
        if values is None:
            return ()
        if not isinstance(values, list | tuple) or not all(isinstance(value, str | int) for value in values):
            raise self.error(f"{self._name(name)} is {values!r}; expected a list of strings")
        return tuple(str(value) for value in values)

    def below(self, name: str) -> "Properties":
        """The properties of a nested mapping."""
        return Properties(self.owner, self._values.get(name), self._name(name))

    def list_below(self, name: str) -> list["Properties"]:
        """The members of a list of mappings."""
        values = self._values.get(name)
        if values is None:
            return []
        if not isinstance(values, list | tuple):
            raise self.error(f"{self._name(name)} is {values!r}; expected a list")
        return [Properties(self.owner, value, f"{self._name(name)}[{index}]") for index, value in enumerate(values)]

    def _name(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name
