"""Kinds of requests: described in the game day's file, or written in a Python file beside it."""

import importlib.util
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

from terrella.gameday.load.errors import LoadError
from terrella.gameday.load.visit import Call, Visit, encode_body
from terrella.gameday.load.writes import KNOWN, Known, ReadBack, Write

REQUEST_KEYS = (
    *("method", "path", "headers", "body", "writes", "read_back", "known", "shows", "expect", "absent", "retry"),
)
READ_BACK_KEYS = ("request", "shows", "counts")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
PLACEHOLDERS = ("id", "n", "vantage_point", "client")
_PLACEHOLDER = re.compile(r"\{(id|n|vantage_point|client)\}")
_BRACED = re.compile(r"\{([A-Za-z_][\w.]*)\}")
_FROM_ANSWER = re.compile(r"\{response\.([\w.]+)\}")

Values = Mapping[str, str | int]


class RequestKind(Protocol):
    """One kind in the mix."""

    @property
    def name(self) -> str:
        """As the mix calls it."""
        ...

    @property
    def needs_known(self) -> bool:
        """Whether it can only be sent once something has been written."""
        ...

    @property
    def writes_something(self) -> bool:
        """Whether what it writes may be read by others."""
        ...

    async def play(self, visit: Visit) -> None:
        """Send what this kind is."""
        ...


@dataclass(frozen=True, slots=True)
class DescribedRequest:
    """A kind that the file describes. Texts hold placeholders: ``{id}``, ``{n}``, ``{vantage_point}``, ``{client}``.

    ``writes`` is the token of what it writes (``{response.FIELD}``: the application chooses it); ``known`` says which
    earlier write ``{id}`` is, None where it is a new one.
    """

    name: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: object = None
    writes: str | None = None
    read_back: ReadBack | None = None
    known: Known | None = None
    shows: str | None = None
    expects: frozenset[int] | None = None
    absent: frozenset[int] = frozenset({404})
    retry: bool = True

    @property
    def needs_known(self) -> bool:
        """Whether it can only be sent once something has been written."""
        return self.known is not None

    @property
    def writes_something(self) -> bool:
        """Whether what it writes may be read by others."""
        return self.writes is not None

    async def play(self, visit: Visit) -> None:
        """Send it once."""
        await visit.send(self.call(visit))

    def call(self, visit: Visit) -> Call:
        """The request for this visit, its placeholders filled in."""
        known = visit.known(self.known) if self.known is not None else None
        own: dict[str, str | int] = {**visit.values(), "id": visit.new_id()}
        values: dict[str, str | int] = {**own, "id": known.values["id"]} if known is not None else own
        content, kind = encode_body(fill(self.body, values))
        headers = {name: str(fill(value, values)) for name, value in {**kind, **self.headers}.items()}
        judged = known if self.writes is None and self.known != "any" else None
        shown = fill(self.shows, judged.values) if judged is not None else None
        call = Call(
            self.method,
            str(fill(self.path, values)),
            tuple(headers.items()),
            content,
            self.expects,
            self.absent,
            reads=judged,
            shows=None if shown is None else str(shown),
            retry=self.retry,
        )
        return call if self.writes is None else self._writing(call, visit, values)

    def _writing(self, call: Call, visit: Visit, values: Values) -> Call:
        assert self.writes is not None
        from_answer = _FROM_ANSWER.fullmatch(self.writes)
        token = "" if from_answer else str(fill(self.writes, values))
        write = Write(token, self.name, visit.client, values, self.read_back)
        return replace(call, write=write, token_from=from_answer[1] if from_answer else None)


@dataclass(frozen=True, slots=True)
class PythonRequest:
    """A kind that is an ``async def`` taking a client (``Visit``). It sees to itself that it reads what was written."""

    name: str
    function: Callable[[Visit], Awaitable[object]]
    needs_known: bool = False
    writes_something: bool = False

    async def play(self, visit: Visit) -> None:
        """Call it."""
        await self.function(visit)


def fill(template: object, values: Values) -> object:
    """Placeholders filled in, in texts however deep; a text that is nothing but ``{n}`` becomes the number."""
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        if whole is not None:
            return values[whole[1]]
        return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), template)
    if isinstance(template, Mapping):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(each, values) for each in template]
    return template


def describe_request(name: str, said: object) -> DescribedRequest:
    """A kind from its mapping in the file, as YAML gives it (keys: ``REQUEST_KEYS``).

    Raises ``LoadError``, whose ``key`` is the key that is wrong, "" for the whole.
    """
    keys = _mapping(said, REQUEST_KEYS, f"the request {name}, a mapping with path, method, …", "")
    if "path" not in keys:
        raise LoadError(f"the request {name} without a path", "path: /items/{id}")
    path = _text(keys, "path")
    if not path.startswith("/"):
        raise LoadError(path, "a path that begins with /", "path")
    _check_placeholders(path, "path")
    method = _text(keys, "method", "GET").upper()
    if method not in METHODS:
        raise LoadError(method, f"one of: {', '.join(METHODS)}", "method")
    headers = {str(key).lower(): str(value) for key, value in _mapping(keys.get("headers"), None, "a mapping").items()}
    writes = _text(keys, "writes") if "writes" in keys else None
    if writes is not None and not _FROM_ANSWER.fullmatch(writes):
        _check_placeholders(writes, "writes")
    known = _known(keys, uses_id="{id}" in path or _uses_id(keys.get("body")), writes=writes is not None)
    if "read_back" in keys and writes is None:
        raise LoadError("read_back without writes", 'writes: "{id}", the token of what is read back', "read_back")
    return DescribedRequest(
        name=name,
        method=method,
        path=path,
        headers=headers,
        body=keys.get("body"),
        writes=writes,
        read_back=_read_back(keys["read_back"]) if "read_back" in keys else None,
        known=known,
        shows=_text(keys, "shows") if "shows" in keys else None,
        expects=_statuses(keys, "expect") if "expect" in keys else None,
        absent=_statuses(keys, "absent") if "absent" in keys else frozenset({404}),
        retry=_flag(keys, "retry"),
    )


def python_requests(path: Path) -> dict[str, PythonRequest]:
    """Every public ``async def`` of a Python file, by its name. Raises ``LoadError`` where there is none."""
    spec = importlib.util.spec_from_file_location(f"terrella_load_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise LoadError(f"{path}, where there is no Python file", "a file with async def NAME(client)")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError, NameError) as error:
        raise LoadError(f"{path}, which cannot be loaded ({type(error).__name__}: {error})", "Python") from error
    found = {
        name: PythonRequest(name, cast("Callable[[Visit], Awaitable[object]]", function))
        for name, function in vars(module).items()
        if inspect.iscoroutinefunction(function) and function.__module__ == module.__name__ and name[0] != "_"
    }
    if not found:
        raise LoadError(f"{path} without requests", "async def NAME(client): await client.get(…)")
    return found


def _read_back(said: object) -> ReadBack:
    keys: Mapping[str, Any] = {"request": said}
    if isinstance(said, Mapping):
        keys = _mapping(said, READ_BACK_KEYS, "a mapping with request", "read_back")
    method, _, path = str(keys.get("request") or "").strip().rpartition(" ")
    method = method.strip().upper() or "GET"
    if not path.startswith("/") or method not in METHODS:
        raise LoadError(str(keys.get("request")), 'a request such as "GET /items/{id}"', "read_back")
    _check_placeholders(path, "read_back")
    shows, counts = keys.get("shows"), keys.get("counts")
    return ReadBack(
        method, path, str(shows) if shows is not None else None, str(counts) if counts is not None else None
    )


def _known(keys: Mapping[str, Any], *, uses_id: bool, writes: bool) -> Known | None:
    if "known" not in keys:
        return "written" if uses_id and not writes else None
    said = keys["known"]
    if said not in KNOWN:
        raise LoadError(str(said), f"one of: {', '.join(KNOWN)}", "known")
    return cast("Known", said)


def _uses_id(body: object) -> bool:
    if isinstance(body, str):
        return "{id}" in body
    if isinstance(body, Mapping):
        return any(map(_uses_id, body.values()))
    return isinstance(body, list) and any(map(_uses_id, body))


def _mapping(said: object, known: tuple[str, ...] | None, expected: str, key: str = "") -> Mapping[str, Any]:
    if said is None and known is None:
        return {}
    if not isinstance(said, Mapping):
        raise LoadError(f"{said!r}", expected, key)
    strange = [str(each) for each in said if known is not None and each not in known]
    if strange:
        raise LoadError(f"the key {strange[0]}", f"one of: {', '.join(known or ())}", key or strange[0])
    return said


def _text(keys: Mapping[str, Any], key: str, default: str = "") -> str:
    said = keys.get(key, default)
    if not isinstance(said, str) or not said:
        raise LoadError(f"{said!r}", "text", key)
    return said


def _flag(keys: Mapping[str, Any], key: str) -> bool:
    said = keys.get(key, True)
    if not isinstance(said, bool):
        raise LoadError(f"{said!r}", "true or false", key)
    return said


def _statuses(keys: Mapping[str, Any], key: str) -> frozenset[int]:
    said = keys[key]
    listed = said if isinstance(said, list) else [said]
    if not listed or not all(isinstance(each, int) and 100 <= each <= 599 for each in listed):
        raise LoadError(f"{said!r}", "an HTTP status, or a list of them", key)
    return frozenset(listed)


def _check_placeholders(text: str, key: str) -> None:
    for match in _BRACED.finditer(text):
        if match[1] not in PLACEHOLDERS:
            raise LoadError(match[0], f"one of: {', '.join(f'{{{each}}}' for each in PLACEHOLDERS)}", key)
