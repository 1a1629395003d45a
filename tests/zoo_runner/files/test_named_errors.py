from __future__ import annotations

import errno
from pathlib import Path

import pytest

from zoo_runner.files.named_errors import naming


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(OSError(errno.EIO, "it failed"), "[Errno 5] it failed: 'a/b'", id="of a write"),
        pytest.param(OSError(errno.EIO, "it failed", "c"), "[Errno 5] it failed: 'c'", id="of a file that is named"),
        pytest.param(OSError("a text"), "a text", id="not the system's"),
        pytest.param(ValueError("no disk"), "no disk", id="of something else"),
    ],
)
def test_the_file_is_named(error: Exception, text: str) -> None:
    with pytest.raises(type(error)) as caught, naming(Path("a/b")):
        raise error
    assert str(caught.value) == text
