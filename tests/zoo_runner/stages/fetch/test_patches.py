"""Unified diffs are applied exactly where they say, or refused, and never outside of the code."""

from __future__ import annotations

import difflib
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.errors import FetchError
from zoo_runner.job.foreign_code import Script
from zoo_runner.stages.fetch.patches import apply_patch

HEAD = "--- a/f.py\n+++ b/f.py\n"


def script(text: str) -> Script:
    content = text.encode()
    digest = hashlib.sha256(content).hexdigest()
    return Script(key="code.patches.0", where="m.yaml:3", path=Path("fix.patch"), sha256=digest, content=content)


def patched(root: Path, text: str, before: str | None = "a\nb\nc\n") -> str | None:
    root.mkdir(exist_ok=True)
    file = root / "f.py"
    if before is not None:
        file.write_bytes(before.encode())
    apply_patch(script(text), root)
    return file.read_bytes().decode() if file.exists() else None


@pytest.mark.parametrize(
    ("diff", "before", "after"),
    [
        pytest.param("@@ -2 +2 @@\n-b\n+B\n", "a\nb\nc\n", "a\nB\nc\n", id="a line"),
        pytest.param("@@ -0,0 +1,2 @@\n+x\n+y\n", "a\n", "x\ny\na\n", id="in front"),
        pytest.param("@@ -3,0 +4 @@\n+d\n", "a\nb\nc\n", "a\nb\nc\nd\n", id="behind"),
        pytest.param("@@ -1,3 +0,0 @@\n-a\n-b\n-c\n", "a\nb\nc\n", "", id="nothing is left"),
        pytest.param("@@ -1 +1 @@\n-a\n+A\n@@ -3 +3 @@\n-c\n+C\n", "a\nb\nc\n", "A\nb\nC\n", id="two hunks"),
        pytest.param("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n", "a", "a\n", id="an end is added"),
        pytest.param("@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n", "a\n", "a", id="an end is taken"),
        pytest.param("@@ -3 +3 @@\n-c\n+C\n", "a\x0cb\nb\u0085\nc\n", "a\x0cb\nb\u0085\nC\n", id="form feeds"),
        pytest.param("@@ -1,2 +1,2 @@\n-a\r\n+A\r\n b\r\n", "a\r\nb\r\n", "A\r\nb\r\n", id="carriage returns"),
    ],
)
def test_what_fits(tmp_path: Path, diff: str, before: str, after: str) -> None:
    assert patched(tmp_path, HEAD + diff, before) == after


def test_a_file_is_made_and_one_removed(tmp_path: Path) -> None:
    made = "--- /dev/null\n+++ b/new/g.py\n@@ -0,0 +1 @@\n+g\n"
    gone = "--- a/f.py\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-a\n-b\n-c\n"
    assert patched(tmp_path, made + gone) is None
    assert (tmp_path / "new" / "g.py").read_text() == "g\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "found nothing that changes a file", id="empty"),
        pytest.param("words\n", "found nothing that changes a file", id="words"),
        pytest.param(
            HEAD + "@@ -1 +1 @@\n-b\n+B\n", "does not fit at line 1 of f.py: expected 'b', found 'a'; make", id="moved"
        ),
        pytest.param(
            HEAD + "@@ -9 +9 @@\n-b\n+B\n",
            "does not fit at line 9 of f.py: expected 'b', found the end of",
            id="behind the end",
        ),
        pytest.param(
            HEAD + "@@ -1,3 +1,3 @@\n a\n-x\n+B\n c\n", "line 2 of f.py: expected 'x', found 'b'; make", id="other line"
        ),
        pytest.param(HEAD + "@@ -3 +3 @@\n-c\n+C\n@@ -1 +1 @@\n-a\n+A\n", "does not fit at line 1", id="out of order"),
        pytest.param(HEAD + "@@ -1,3 +1 @@\n-a\n", "found a damaged one", id="cut"),
        pytest.param(
            "--- /dev/null\n+++ b/f.py\n@@ -0,0 +1 @@\n+x\n", "expected no f.py, which it makes", id="is there"
        ),
        pytest.param("--- a/f.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", "expected f.py to be gone", id="is not gone"),
        pytest.param(
            "--- a/g.py\n+++ b/g.py\n@@ -1 +1 @@\n-a\n+A\n", "expected the file g.py, found none", id="missing"
        ),
        pytest.param(
            "diff --git a/f.py b/f.py\nold mode 100644\nnew mode 100755\n", "expected changed lines of f.py", id="mode"
        ),
        pytest.param(
            "--- a/../f.py\n+++ b/../f.py\n@@ -1 +1 @@\n-a\n+A\n", "expected names of files in the code", id="parent"
        ),
        pytest.param("--- /f.py\n+++ /f.py\n@@ -1 +1 @@\n-a\n+A\n", "expected names of files in the code", id="root"),
        pytest.param("--- f.py\n+++ f.py\n@@ -1 +1 @@\n-a\n+A\n", "expected names of files in the code", id="bare"),
        pytest.param("--- a/out/f.py\n+++ b/out/f.py\n@@ -1 +1 @@\n-a\n+A\n", "expected names of files in", id="link"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "f.py").write_text("a\n")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "out").symlink_to(tmp_path)
    with pytest.raises(FetchError) as caught:
        patched(tmp_path / "code", text)
    assert str(caught.value).startswith("m.yaml:3: code.patches.0: fix.patch: ")
    assert message in str(caught.value)
    assert (tmp_path / "f.py").read_text() == "a\n"


LINES = st.lists(st.sampled_from(["a\n", "b\n", "\n", "  c\n"]), max_size=12)


@given(before=LINES, after=LINES, context=st.integers(0, 3))
def test_what_diff_writes_is_applied(
    before: list[str], after: list[str], context: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    diff = "".join(difflib.unified_diff(before, after, "a/f.py", "b/f.py", n=context))
    if diff:
        assert patched(tmp_path_factory.mktemp("code"), diff, "".join(before)) == "".join(after)
