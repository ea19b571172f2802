"""A file of a handler's code, or a piece of code that stands in the template, and what it imports of its own."""

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BYTES_MAX = 400_000
_IMPORTED = re.compile(r"""(?:from|require\(|import\(?)\s*["'](\.{1,2}/[^"']+)["']""")
_SCRIPT_ENDINGS = (".ts", ".mts", ".js", ".mjs", ".cjs")
PYTHON, SCRIPT = "python", "script"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Code in one language; its first line stands on line ``offset`` + 1 of the file at ``path``."""

    path: Path
    language: str
    text: str
    offset: int = 0

    @property
    def tree(self) -> ast.Module | None:
        """The syntax tree of Python; None if it cannot be read as such."""
        return _parse(self.text) if self.language == PYTHON else None


@functools.lru_cache(maxsize=512)
def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None  # an older Python, or a template of code: nothing is claimed of it


def reachable(directory: Path, module: str, language: str) -> list[SourceFile]:
    """The file of a handler's module (``src/app``) and the files of the same directory that it imports, in turn."""
    start = _find(directory / module, language)
    if start is None:
        return []
    found: dict[Path, SourceFile] = {}
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in found or path.stat().st_size > _BYTES_MAX:
            continue
        one = SourceFile(path, language, path.read_text(errors="replace"))
        found[path] = one
        waiting += _imported_by_python(one, directory) if language == PYTHON else _imported_by_script(one)
    return list(found.values())


def _find(stem: Path, language: str) -> Path | None:
    endings = (".py",) if language == PYTHON else _SCRIPT_ENDINGS
    folder = (stem / "__init__.py",) if language == PYTHON else tuple(stem / f"index{end}" for end in endings)
    candidates = (*(stem.parent / f"{stem.name}{end}" for end in endings), *folder)
    return next((path for path in candidates if path.is_file()), None)


def _imported_by_python(one: SourceFile, directory: Path) -> Iterator[Path]:
    for node in ast.walk(one.tree or ast.Module([], [])):
        names: list[str] = []
        base = directory
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = one.path.parents[min(node.level, len(one.path.parents)) - 1]
            module = node.module or ""
            names = [module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names)]
        for name in filter(None, names):
            path = _find(base / name.replace(".", "/"), PYTHON)
            if path is not None:
                yield path


def _imported_by_script(one: SourceFile) -> Iterator[Path]:
    for match in _IMPORTED.finditer(one.text):
        name = re.sub(r"\.(m|c)?[jt]s$", "", match[1])
        path = _find(one.path.parent / name, SCRIPT)
        if path is not None and "node_modules" not in path.parts:
            yield path
