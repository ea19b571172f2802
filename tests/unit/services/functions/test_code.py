"""Snapshots of code by content."""

import io
import zipfile
from pathlib import Path

import pytest

from terrella.kernel import AwsError, TerrellaError
from terrella.services.functions.code import CodeStore
from terrella.testing import SeededIds


def test_the_same_content_is_one_snapshot_and_edits_do_not_reach_it(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "package").mkdir(parents=True)
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "a.pyc").write_bytes(b"x")
    (source / "package" / "a.py").write_text("A = 1\n")
    (source / "loop").symlink_to(source)
    store = CodeStore(tmp_path / ".terrella", SeededIds())
    first = store.take_directory(source)
    assert [path.name for path in store.path(first).rglob("*.py*")] == ["a.py"]
    (source / "__pycache__" / "b.pyc").write_bytes(b"y")
    assert store.take_directory(source) == first
    (source / "package" / "a.py").write_text("A = 2\n")
    second = store.take_directory(source)
    assert second.sha256 != first.sha256
    assert (store.path(first) / "package" / "a.py").read_text() == "A = 1\n"
    (source / "package" / "a.py").rename(source / "a.py")
    assert store.take_directory(source).sha256 not in (first.sha256, second.sha256)
    assert not list((tmp_path / ".terrella" / "code").glob(".staging*"))
    with pytest.raises(TerrellaError, match="there is no code at"):
        store.take_directory(tmp_path / "nowhere")


def test_a_zip_cannot_write_outside_its_snapshot(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / ".terrella", SeededIds())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../evil.py", "x")
    code = store.take_zip(buffer.getvalue())
    assert [path.name for path in store.path(code).iterdir()] == ["evil.py"]
    with pytest.raises(AwsError, match="Could not unzip"):
        store.take_zip(b"PK no")
