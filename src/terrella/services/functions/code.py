"""Code as functions run it: snapshots by content, so that an edit after a deploy changes no running function.

``.terrella/code/<sha>/`` is shared by every function and region with the same code, and complete whenever it exists: it
is written beside, made durable, then renamed. Nothing is ever removed from it here: another region may use it.
"""

import base64
import hashlib
import io
import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from terrella.kernel import AwsError, Ids, TerrellaError

UNPACKED_MAX_BYTES = 250 * 1024 * 1024
_NOT_CODE = {".git", ".terrella", ".aws-sam", ".venv", "__pycache__"}
_SYNC_EACH_MAX_FILES = 64


class Code(msgspec.Struct, frozen=True):
    """A deployed package: ``sha256`` in hexadecimal digits names its snapshot."""

    sha256: str
    size_bytes: int

    @property
    def aws_sha256(self) -> str:
        """As ``CodeSha256`` has it: base64."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


class CodeStore:
    """The snapshots under one state directory. Its methods block: call them in a thread."""

    def __init__(self, state_directory: Path, ids: Ids) -> None:
        self._root = state_directory / "code"
        self._state_directory = state_directory
        self._ids = ids

    def path(self, code: Code) -> Path:
        """Where the snapshot is: the workers' ``LAMBDA_TASK_ROOT``."""
        return self._root / code.sha256

    def take_directory(self, source: Path) -> Code:
        """Snapshot a directory (or a zip file); raises ``TerrellaError`` if it cannot be read or is too large."""
        if source.is_file() and zipfile.is_zipfile(source):
            return self.take_zip(source.read_bytes())
        if not source.is_dir():
            raise TerrellaError(f"there is no code at {source}; expected a directory or a zip file")
        code = self._digest(source)
        if self.path(code).exists():
            return code
        staging = self._staging()
        for name, path in self._walk(source):
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            shutil.copymode(path, target)
        # Someone may be editing: what was copied is what counts.
        code = self._digest(staging)
        self._publish(staging, code)
        return code

    def _digest(self, source: Path) -> Code:
        digest, size = hashlib.sha256(), 0
        for name, path in self._walk(source):
            content = path.read_bytes()
            size += len(content)
            if size > UNPACKED_MAX_BYTES:
                raise TerrellaError(f"the code at {source} is larger than {UNPACKED_MAX_BYTES} bytes")
            executable = b"x" if path.stat().st_mode & stat.S_IXUSR else b"-"
            digest.update(b"%b\0%b%d\0%b" % (name.encode(), executable, len(content), content))
        return Code(digest.hexdigest(), size)

    def take_text(self, file_name: str, text: str) -> Code:
        """Snapshot inline code."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(zipfile.ZipInfo(file_name), text)
        return self.take_zip(buffer.getvalue())

    def take_zip(self, data: bytes) -> Code:
        """Snapshot an uploaded package; raises ``AwsError`` InvalidParameterValueException."""
        code = Code(hashlib.sha256(data).hexdigest(), len(data))
        if self.path(code).exists():
            return code
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > UNPACKED_MAX_BYTES:
                    raise AwsError(
                        "InvalidParameterValueException",
                        f"Unzipped size must be smaller than {UNPACKED_MAX_BYTES} bytes",
                    )
                staging = self._staging()
                for entry in archive.infolist():
                    # extract() keeps what it writes inside: it drops drives, roots and "..".
                    written = Path(archive.extract(entry, staging))
                    mode = (entry.external_attr >> 16) & 0o777
                    if mode and not entry.is_dir():
                        written.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)
        except (zipfile.BadZipFile, NotImplementedError, EOFError):
            raise AwsError(
                "InvalidParameterValueException",
                "Could not unzip uploaded file. Please check your file, then try to upload again.",
            ) from None
        self._publish(staging, code)
        return code

    def _walk(self, folder: Path, prefix: str = "", parents: tuple[Path, ...] = ()) -> Iterator[tuple[str, Path]]:
        """Files with their names below the top, in order; links are followed, but not round in a circle."""
        here = folder.resolve()
        if here in parents or here == self._state_directory.resolve():
            return
        for entry in sorted(folder.iterdir()):
            if entry.name in _NOT_CODE or entry.suffix == ".pyc":
                continue
            if entry.is_dir():
                yield from self._walk(entry, f"{prefix}{entry.name}/", (*parents, here))
            elif entry.is_file():
                yield prefix + entry.name, entry

    def _staging(self) -> Path:
        staging = self._root / f".staging-{self._ids.token(12)}"
        staging.mkdir(parents=True)
        return staging

    def _publish(self, staging: Path, code: Code) -> None:
        files = [path for path in staging.rglob("*") if path.is_file()]
        if len(files) > _SYNC_EACH_MAX_FILES:
            os.sync()
        else:
            for path in files:
                _sync(path)
        try:
            staging.rename(self.path(code))
        except OSError:
            shutil.rmtree(staging)
            # It is no failure if another region was quicker with the same code.
            if not self.path(code).exists():
                raise
        _sync(self._root)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
