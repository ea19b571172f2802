"""A template as its author wrote it, and translated to CloudFormation; both cached beside the world's state.

What is cached is keyed by the bytes of the template, the translator's version and this module's ``_FORMAT``; a
translation also by the values of those parameters that the translator read (mostly none, so one serves all regions).
"""

import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import samtranslator

from terrella.stack.cache import Cache
from terrella.stack.code import code_digest
from terrella.stack.errors import Mistake, PathStep, TemplateError
from terrella.stack.lines import LineTree, line_at
from terrella.stack.local_files import Prepared, inline_definitions, mapping_at, prepare, restore
from terrella.stack.outline import SAM, check_outline, transforms
from terrella.stack.translation_job import Job, Outcome

_FORMAT = "1"
_TRANSLATION_TIMEOUT_S = 60.0


class _CachedSource(msgspec.Struct):
    """A parsed template; ``included`` maps each further file that was read to the SHA-256 of its bytes."""

    source: dict[str, Any]
    lines: Any
    included: dict[str, str]


class Translation(msgspec.Struct):
    """The template as CloudFormation, and the local path of the code of each function that has one.

    ``inputs`` are the parameters that it depends on, with the values that it was made with.
    """

    document: dict[str, Any]
    code_paths: dict[str, str]
    inputs: dict[str, Any]


@dataclass(slots=True)
class Template:
    """A SAM or CloudFormation template.

    ``source`` is its tree, CloudFormation's short tags written out; ``lines`` where each node of it stands; ``digest``
    names its content, included files among it.
    """

    path: Path
    source: dict[str, Any]
    lines: LineTree
    digest: str
    cache: Cache
    _content_digest: str = ""
    _translations: list[Translation] = field(default_factory=list)
    _code_digests: dict[Path, str] = field(default_factory=dict)

    @property
    def is_sam(self) -> bool:
        """Whether it has the SAM transform."""
        return SAM in transforms(self.source)

    def translated(self, parameters: Mapping[str, Any]) -> Translation:
        """The template in CloudFormation's own terms; ``parameters`` are values by name, ``AWS::Region`` among them."""
        translation = self._known_translation(parameters)
        if translation is None:
            with self.cache.alone():
                self._read_translations()
                translation = self._known_translation(parameters)
                if translation is None:
                    translation = self._translate(dict(parameters))
                    self._translations.append(translation)
        return translation

    def _known_translation(self, parameters: Mapping[str, Any]) -> Translation | None:
        for translation in self._translations or self._read_translations():
            if all(parameters.get(name) == value for name, value in translation.inputs.items()):
                return translation
        return None

    def line_of(self, path: Sequence[PathStep]) -> int:
        """The source line of a node of the *translated* template, or of what it was made from."""
        line, depth = line_at(self.lines, path)
        if not path or path[0] != "Resources" or len(path) < 2:
            return line
        logical_id = path[1]
        resources = mapping_at(self.source, "Resources")
        if logical_id not in resources:
            owner = _owner(str(logical_id), resources)
            return line if owner is None else line_at(self.lines, ("Resources", owner))[0]
        kind = resources[logical_id].get("Type") if isinstance(resources[logical_id], dict) else None
        if isinstance(kind, str) and kind.startswith("AWS::Serverless::") and len(path) > 3:
            default_path = ("Globals", kind.rpartition("::")[2], *path[3:])
            default_line, default_depth = line_at(self.lines, default_path)
            if default_depth > max(depth - 1, 2):
                return default_line
        return line

    def error(self, mistake: Mistake) -> TemplateError:
        """The mistake, with file and line."""
        return TemplateError(self.path, self.line_of(mistake.path), mistake.message)

    def error_at(self, path: Sequence[PathStep], message: str) -> TemplateError:
        """An error at a path of the translated template."""
        return TemplateError(self.path, self.line_of(path), message)

    @property
    def content_digest(self) -> str:
        """The hash of what the template says: comments and layout do not count."""
        if not self._content_digest:
            self._content_digest = hashlib.sha256(msgspec.json.encode(self.source, order="sorted")).hexdigest()
        return self._content_digest

    def code_digest(self, path: Path) -> str:
        """The hash of a code directory (or archive), read once for this template."""
        if path not in self._code_digests:
            self._code_digests[path] = code_digest(path)
        return self._code_digests[path]

    def code_path_of(self, logical_id: str) -> tuple[PathStep, ...]:
        """Where the template says what code a function has, for messages."""
        resources = mapping_at(self.source, "Resources")
        is_sam = str(mapping_at(resources, logical_id).get("Type", "")).startswith("AWS::Serverless::")
        return ("Resources", logical_id, "Properties", "CodeUri" if is_sam else "Code")

    def _read_translations(self) -> list[Translation]:
        self._translations.clear()
        for name in self.cache.names(f"translation-{self.digest}-"):
            cached = self.cache.read(name, Translation)
            if cached is not None:
                self._translations.append(cached)
        return self._translations

    def _translate(self, parameters: dict[str, Any]) -> Translation:
        if self.is_sam:
            prepared = prepare(self.source)
            if prepared.template["Resources"]:
                outcome = run_translator(self.path, Job(prepared.template, parameters))
            else:
                outcome = Outcome(document={**prepared.template, "Transform": []})  # everything was set aside
            if outcome.errors:
                raise self._sam_error(outcome.errors)
        else:
            prepared = Prepared({})
            outcome = Outcome(document=msgspec.json.decode(msgspec.json.encode(self.source)))
        code_paths = restore(outcome.document, prepared)
        translation = Translation(outcome.document, code_paths, outcome.inputs)
        inputs_digest = hashlib.sha256(repr(sorted(outcome.inputs.items())).encode()).hexdigest()[:12]
        self.cache.write(f"translation-{self.digest}-{inputs_digest}", translation)
        return translation

    def _sam_error(self, errors: list[tuple[str, str]]) -> TemplateError:
        first_id, first = errors[0]
        resources = mapping_at(self.source, "Resources")
        named = [_owner(word, resources) for word in (first_id, *re.findall(r"\[(\w+)\]", first))]
        path: list[PathStep] = next((["Resources", name] for name in named if name), [])
        others = "".join(f"\n  also: {message}" for _, message in errors[1:])
        return self.error_at(path, f"SAM refuses this: {first}{others}")


def load_template(path: Path, cache_directory: Path) -> Template:
    """Read a template; a file whose content has been seen before is not parsed again. Raises ``TemplateError``."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TemplateError(path, 1, f"the template cannot be read: {error.strerror}") from error
    keyed = b"\0".join((_FORMAT.encode(), samtranslator.__version__.encode(), content))
    digest = hashlib.sha256(keyed).hexdigest()[:24]
    cache = Cache(cache_directory)
    cached = _read_source(path, cache, digest)
    if cached is None:
        with cache.alone():
            cached = _read_source(path, cache, digest)
            if cached is None:
                cached = _parse(path, content)
                cache.write(f"template-{digest}", cached)
    for seen in cached.included.values():
        digest = hashlib.sha256(f"{digest}{seen}".encode()).hexdigest()[:24]
    return Template(path, cached.source, cached.lines, digest, cache)


def _read_source(path: Path, cache: Cache, digest: str) -> _CachedSource | None:
    cached = cache.read(f"template-{digest}", _CachedSource)
    if cached is None or any(_file_digest(path.parent / name) != seen for name, seen in cached.included.items()):
        return None
    return cached


def _parse(path: Path, content: bytes) -> _CachedSource:
    from terrella.stack.source import parse  # PyYAML is not needed when the cache is warm

    try:
        source, lines = parse(content.decode(), path)
    except UnicodeDecodeError as error:
        raise TemplateError(path, content[: error.start].count(b"\n") + 1, "the file is not UTF-8 text") from error
    included: dict[str, str] = {}

    def read(name: str) -> Any:
        file = path.parent / name
        try:
            included[name] = _file_digest(file)
            return parse(file.read_text(), file)[0]
        except OSError as error:
            raise Mistake(f"{name} cannot be read: {error.strerror}") from error

    try:
        check_outline(source)
        list(inline_definitions(source, read))
    except Mistake as mistake:
        raise TemplateError(path, line_at(lines, mistake.path)[0], mistake.message) from mistake
    return _CachedSource(source, lines, included)


def _owner(logical_id: str, resources: dict[str, Any]) -> str | None:
    """The source resource that SAM made ``logical_id`` from."""
    prefixes = [name for name in resources if logical_id.startswith(name)]
    if prefixes:
        return max(prefixes, key=len)
    sign = None
    if logical_id.startswith(("ServerlessRestApi", "ServerlessHttpApi")):
        sign = "Events"
    elif logical_id.startswith(("ApiGatewayDomainName", "RecordSetGroup")):
        sign = "Domain"
    return next((name for name in resources if sign in mapping_at(resources, name, "Properties")), None)


def run_translator(path: Path, job: Job) -> Outcome:
    """Run the translator in a process of its own, without the user's AWS settings."""
    import subprocess  # costs 10 ms, and is not needed when the cache is warm

    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    import_path = [str(Path(__file__).parents[2]), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(import_path)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "terrella.stack.translator"],
            input=msgspec.json.encode(job),
            capture_output=True,
            env=environment,
            timeout=_TRANSLATION_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TemplateError(path, 1, f"SAM's translator took longer than {_TRANSLATION_TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise TemplateError(path, 1, f"SAM's translator failed on this template: {last}")
    return msgspec.json.decode(done.stdout, type=Outcome)


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
