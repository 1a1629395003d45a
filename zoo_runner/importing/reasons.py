"""Why a manifest does not have a command of a recipe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoo_runner.importing.commands import Command

_PREPARES: Final = frozenset(
    {
        "mkdir",
        "cd",
        "mv",
        "cp",
        "ls",
        "rm",
        "chmod",
        "unzip",
        "tar",
        "ln",
        "touch",
        "cat",
        "pwd",
        "tree",
        "gunzip",
        "echo",
    }
)
_INSTALLS: Final = frozenset({"pip", "pip3", "conda", "apt", "apt-get", "yum", "make", "cmake"})
_FETCHES: Final = frozenset({"wget", "curl", "aria2c", "gdown", "modelscope", "huggingface-cli", "obsutil"})
_PATCHES: Final = {"patch": ("patch",), "git": ("git", "apply", "am")}


def reason(command: Command) -> str:
    """Say why the manifest does not have a command, or where what it does belongs."""
    program = command.program
    if is_patch(command):
        return "changes the code: belongs into code.patches, beside code.url with the archive's commit and sha256"
    if "set_env.sh" in command.text or program == "npu-smi":
        return "the run does not set the environment, and asks npu-smi itself"
    if program in {"bash", "sh"} or program.endswith(".sh"):
        return "runs a script of the recipe's; what that does is not in this file"
    if program.startswith(("python", "torchrun")):
        return "runs Python: what it prepares, exports or scores is the plugin's part"
    for programs, text in (
        (_PREPARES, "prepares files"),
        (_INSTALLS, "installs what the plugin may need"),
        (_FETCHES, "fetches a file: weights.url and dataset.url are for that"),
    ):
        if program in programs:
            return text
    return "fetches code: the plugin has the network, or the section code" if program == "git" else "has no key"


def is_patch(command: Command) -> bool:
    """Say whether a command changes code by a patch."""
    words = _PATCHES.get(command.program, ())
    return bool(words) and (words == ("patch",) or command.words[1:2] in {("apply",), ("am",)})


def simplifies(command: Command) -> bool:
    """Say whether a command is onnxsim."""
    return command.runs("onnxsim") or command.runs("onnxsimplifier")


def opset_of(command: Command) -> int | None:
    """Return the opset that a command is given; ``None`` without one."""
    value = next(
        (command.flags[name] for name in ("opset", "opset_version", "opset-version") if name in command.flags), ""
    )
    return int(value) if re.fullmatch("[0-9]{1,2}", value) else None
