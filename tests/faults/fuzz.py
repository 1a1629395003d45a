"""Gives readers inputs that reach ever more of them, with atheris: what ``test_fuzz.py`` starts.

Each line of standard input is a JSON object: the reader's ``name``, its ``folder`` and ``options`` of libFuzzer. The
folder has ``output``, the output folder of a run, and ``corpus``, what to begin with; the reader works in ``case``
beside them, and what libFuzzer prints goes to ``said``. The answer is a line with the exit code.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import NoReturn

import atheris

SUPPORT = Path(__file__).resolve().parents[1] / "support"
INSTRUMENTED = ("zoo_runner", "zoo_images", "zoo_detection", "yaml")
FILE_LIMIT = 1 << 28
"""Bytes of the largest file that a reader may write."""


def main() -> None:
    """Fork into one fuzzer after the other, since a fuzzer ends its process and loading everything takes long."""
    sys.path[:0] = [str(SUPPORT), str(SUPPORT.parents[1])]
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        import readers  # noqa: F401, PLC0415 - instrumented
    import torch  # noqa: F401, PLC0415 - before the clock of the first input runs

    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
    for line in sys.stdin:
        question = json.loads(line)
        pid = os.fork()
        if pid == 0:
            fuzz(question["name"], Path(question["folder"]), question["options"])
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


def fuzz(name: str, folder: Path, options: list[str]) -> NoReturn:
    """Try inputs until libFuzzer's options say that it is enough; an exception that is no refusal ends the process."""
    from fault_world import Reference  # noqa: PLC0415 - loaded above
    from readers import READERS, give  # noqa: PLC0415 - likewise

    os.chdir(folder)
    said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(said, 1)
    os.dup2(said, 2)
    reference = Reference(b"", {}, {}, folder / "output")

    def try_one(data: bytes) -> None:
        give(READERS[name], data, folder / "case", reference)

    atheris.Setup([name, "corpus", *options], try_one)
    atheris.Fuzz()
    os._exit(0)


if __name__ == "__main__":
    main()
