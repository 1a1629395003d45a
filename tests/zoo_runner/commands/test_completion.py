"""What TAB offers: by click's protocol, and as typed into a real bash."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import ZooRun

PATIENCE = 60
COMMANDS = [
    *("backends", "cache", "completion", "doctor", "downloads", "golden", "history", "import", "new", "pack"),
    *("plugins", "precision", "replay", "run", "schema", "validate", "zoo"),
]
SUBSETS = "subsets: {nightly: {every: 3}, pr: {every: 10}, quick: {every: 50}}\n"


@pytest.fixture
def shell(trial: ZooRun) -> ZooRun:
    (trial.folder / "part.yaml").write_text(f"extends: trial.yaml\nname: part\n{SUBSETS}")
    (trial.folder / "broken.yaml").write_text("subsets: [")
    return trial


def offered(shell: ZooRun, line: str) -> list[str]:
    """The words for the last one of a line, which is empty after a blank; files are left to the shell."""
    words = line.split(" ")
    variables = {"_ZOO_RUN_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = shell.given(**variables)()
    assert (done.returncode, done.stderr) == (0, "")
    return [text.removeprefix("plain,") for text in done.stdout.splitlines() if text]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("zoo-run ", ["broken.yaml", "part.yaml", "trial.yaml", *COMMANDS], id="nothing yet"),
        pytest.param("zoo-run tr", ["trial.yaml"], id="manifest"),
        pytest.param("zoo-run do", ["doctor", "downloads"], id="command"),
        pytest.param("zoo-run manifests/re", ["file,manifests/re"], id="file elsewhere"),
        pytest.param("zoo-run --ba", ["--backend", "--baseline", "--batch-size"], id="options of a run come first"),
        pytest.param("zoo-run --h", ["--help"], id="help"),
        pytest.param("zoo-run trial.yaml --ba", ["--backend", "--baseline", "--batch-size"], id="options"),
        pytest.param("zoo-run trial.yaml ", ["file,"], id="another manifest"),
        pytest.param("zoo-run trial.yaml --from p", ["preprocess", "postprocess"], id="stage"),
        pytest.param("zoo-run --limit 8 --until g", ["gate"], id="option before the manifest"),
        pytest.param("zoo-run trial.yaml --lang ", ["en", "zh"], id="language"),
        pytest.param("zoo-run trial.yaml --backend ", ["auto", "ascend", "onnxruntime"], id="backend"),
        pytest.param("zoo-run part.yaml --subset ", ["nightly", "pr", "quick"], id="subsets"),
        pytest.param("zoo-run part.yaml trial.yaml --subset p", ["pr"], id="a subset"),
        pytest.param("zoo-run broken.yaml nowhere.yaml --subset ", [], id="manifests that cannot be read"),
        pytest.param("zoo-run run part.yaml --subset n", ["nightly"], id="run in full"),
        pytest.param("zoo-run validate --s", ["--set"], id="options of a command"),
        pytest.param("zoo-run schema ", ["manifest", "report"], id="schemas"),
        pytest.param("zoo-run completion ", ["bash", "zsh", "fish"], id="shells"),
    ],
)
def test_words(shell: ZooRun, line: str, words: list[str]) -> None:
    assert offered(shell, line) == words


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_is_one_of_the_shell(zoo_run: ZooRun, name: str) -> None:
    done = zoo_run("completion", name)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_ZOO_RUN_COMPLETE={name}_complete" in done.stdout
    assert ("autoload -Uz compinit && compinit" in done.stdout.splitlines()[0]) is (
        name == "zsh"
    )  # has it switched off
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"no {name} here to check the script with")
    subprocess.run([program, "-n"], input=done.stdout, text=True, check=True)


@contextmanager
def bash(shell: ZooRun) -> Iterator[int]:
    """A bash at a terminal, with the completion on."""
    program = shutil.which("bash")
    if program is None:
        pytest.skip("no bash here")
    primary, secondary = pty.openpty()
    settings = {"TERM": "dumb", "PS1": "> ", "HOME": str(shell.folder), "INPUTRC": os.devnull}
    process = subprocess.Popen(
        [program, "--norc", "--noprofile", "-i"],
        cwd=shell.folder,
        env={**shell.environment, **settings},
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        start_new_session=True,
    )
    os.close(secondary)
    for setting in ("bell-style none", "page-completions off", "completion-query-items 0"):
        os.write(primary, f"bind 'set {setting}'\n".encode())
    os.write(primary, b'eval "$(zoo-run completion bash)"; echo rea""dy\n')
    read_until(primary, "ready")
    try:
        yield primary
    finally:
        process.kill()
        process.wait()
        os.close(primary)


def read_until(terminal: int, pattern: str) -> str:
    shown, end = "", time.monotonic() + PATIENCE
    while not re.search(pattern, shown):
        assert time.monotonic() < end, f"expected {pattern!r}, found {shown!r}"
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096).decode()
    return shown


@pytest.mark.parametrize(
    ("typed", "pattern"),
    [
        pytest.param("zoo-run tria\t", r"zoo-run trial\.yaml ", id="manifest"),
        pytest.param("zoo-run trial.yaml --basel\t", r"--baseline ", id="option"),
        pytest.param("zoo-run part.yaml --subset \t\t", r"nightly\s+pr\s+quick", id="subsets"),
        pytest.param("zoo-run trial.yaml --baseline da\t", r"--baseline data/", id="folder"),
        pytest.param("zoo-run doc\t", r"zoo-run doctor ", id="command"),
    ],
)
def test_in_bash(shell: ZooRun, typed: str, pattern: str) -> None:
    with bash(shell) as terminal:
        os.write(terminal, typed.encode())
        read_until(terminal, pattern)
