"""An error of a plugin that begins with a key has the key's place before it; others stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_runner.errors import ManifestError, UsageError, ZooError
from zoo_runner.job.located_errors import located
from zoo_runner.manifest.load import load

MANIFEST = """\
name: a
plugin:
  name: classify
  config:
    steps:
      - {op: one}
      - {op: two}
dataset: {name: a, samples: 1}
inputs: [{name: x, shape: [batch, 1]}]
outputs: [{name: y, shape: [batch, 1]}]
"""


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (ManifestError("plugin.config.steps.1.op: wrong"), "{path}:7: "),
        (ManifestError("plugin.config.steps: wrong: very"), "{path}:5: "),
        (ManifestError("plugin.config.absent.k: wrong"), "{path}:4: "),
        (ManifestError("inputs: wrong"), "{path}:9: "),
        (ManifestError("wrong: plugin.config.steps"), ""),
        (ManifestError("m.yaml:3: plugin.config: wrong"), ""),
        (UsageError("plugin.config.steps: wrong"), ""),
    ],
)
def test_the_place_of_a_key(error: ZooError, place: str, tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(MANIFEST)
    with pytest.raises(type(error)) as caught, located(load(path)):
        raise error
    assert str(caught.value) == f"{place.format(path=path)}{error}"
