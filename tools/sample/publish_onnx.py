"""Export the sample anew, as the file that its manifest publishes, and print what to write into the manifest."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MANIFEST = Path("manifests/refinedet320-sample.yaml")
OWN_EXPORT = ("--set", "onnx.url=null", "--set", "onnx.sha256=null", "--set", "onnx.size=null", "--until", "export")


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    options = parser.parse_args()
    target: Path = options.target
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "zoo_runner", str(options.manifest), *OWN_EXPORT, "--json", "--output", folder]
        report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)  # noqa: S603 - our own
        (model,) = (item for item in report["artifacts"] if item["name"] == "onnx")
        shutil.copyfile(model["path"], target)
    content = target.read_bytes()
    print(f"  sha256: {hashlib.sha256(content).hexdigest()}\n  size: {len(content)}")


if __name__ == "__main__":
    main()
