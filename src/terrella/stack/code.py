"""What a directory of code is, as one hash: the same files, the same hash."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

IGNORED_NAMES = frozenset(
    {
        "__pycache__",
        ".git",
        ".terrella",
        ".aws-sam",
        ".venv",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".DS_Store",
    }
)


def code_files(directory: Path) -> Iterator[Path]:
    """The files of a code directory, in the order of their paths, without what tools leave behind."""
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if name not in IGNORED_NAMES)
        for name in sorted(names):
            if name not in IGNORED_NAMES and not name.endswith((".pyc", ".pyo")):
                yield Path(folder, name)


def code_digest(path: Path) -> str:
    """64 hexadecimal digits that name the content of a directory, or of one file."""
    digest = hashlib.sha256()
    if path.is_file():
        digest.update(path.read_bytes())
        return digest.hexdigest()
    for file in code_files(path):
        name = file.relative_to(path).as_posix().encode()
        try:
            content = file.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            continue  # a dangling link, or an editor's file that went while we walked
        digest.update(b"%d:%s%d:" % (len(name), name, len(content)))
        digest.update(content)
    return digest.hexdigest()


def text_digest(text: str) -> str:
    """64 hexadecimal digits that name code which stands in the template."""
    return hashlib.sha256(text.encode()).hexdigest()
