"""The ``atc`` commands of a recipe: what the section ``atc`` says of them, and which of them are of one model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import ValidationError

from zoo_runner.errors import did_you_mean
from zoo_runner.importing.account import Account, quoted
from zoo_runner.importing.commands import VARIABLE
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.manifest.atc_flags import KNOWN, MANAGED
from zoo_runner.manifest.chip_keys import chip_of

if TYPE_CHECKING:
    from zoo_runner.importing.commands import Command, Script, Variables

BATCH_NAMES: Final = re.compile(r"(?:b|bs|n|batch|batch_?size|bz)", re.IGNORECASE)
_CHIP_NAMES: Final = re.compile(r"(?:chip|chip_?name|soc|soc_?name|soc_?version|npu_?name|device_?type)", re.IGNORECASE)
_SHAPES: Final = ("input_shape", "input_shape_range", "dynamic_batch_size", "dynamic_image_size", "dynamic_dims")
"""Flags that the inputs of a manifest say; :mod:`.tensors` reads them."""
_BATCH_OF_NAME: Final = re.compile(r"[_-]?(?:bs|batch(?:size)?)[_-]?[0-9]*(?![a-z])|\$\{\w+\}|\$\w+", re.IGNORECASE)
_FILES: Final = (
    "insert_op_conf",
    "fusion_switch_file",
    "modify_mixlist",
    "keep_dtype",
    "customize_dtypes",
    "compress_weight_conf",
)


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """One model as its commands convert it.

    Attributes:
        command: The first one; others say the same for other batch sizes.
        flags: Its flags, with variables filled in that the recipe sets once.
        options: The section ``atc`` but for what is about shapes.
        others: The flags of other commands that convert the same for other batch sizes.
        dropped: Chips of commands for the same model that say something else, each with the command's line.
    """

    command: Command
    flags: dict[str, str]
    options: dict[str, Any] = field(default_factory=dict)
    others: tuple[dict[str, str], ...] = ()
    dropped: tuple[tuple[str, int], ...] = ()

    @property
    def model(self) -> str:
        """The name of the ONNX file without batch size and ending, in small letters."""
        return _stem(self.flags.get("model", ""))

    @property
    def shape(self) -> str:
        """The inputs as ATC is told of them, without the batch size."""
        return re.sub(r":[^,;]*", ":", self.flags.get("input_shape", ""))

    def is_of_the_model_of(self, other: Conversion) -> bool:
        """Say whether both convert one model: files whose names differ in numbers only are sizes of one model."""
        return self.shape == other.shape or re.sub("[0-9]", "", self.model) == re.sub("[0-9]", "", other.model)


def conversions(script: Script, account: Account) -> list[Conversion]:
    """Return the models that a recipe converts: several where they take different inputs."""
    found: list[Conversion] = []
    for command in script.commands:
        if command.program != "atc":
            continue
        account.take(command)
        flags = {name: _filled(value, script.variables) for name, value in command.flags.items()}
        if "model" not in flags:
            account.leave(command.line, f"command {quoted(command.text)}: converts nothing, as it has no --model")
            continue
        each = Conversion(command=command, flags=flags)
        same = next((known for known in found if known.is_of_the_model_of(each)), None)
        if same is None:
            options = _options(command, flags, script.variables, account)
            found.append(Conversion(command=command, flags=flags, options=options))
        elif _says_the_same(same, each, account):
            found[found.index(same)] = replace(same, others=(*same.others, flags))
        elif chip_of(flags.get("soc_version", "")) != chip_of(same.flags.get("soc_version", "")):
            other = (chip_of(flags.get("soc_version", "")), command.line)
            found[found.index(same)] = replace(same, dropped=(*same.dropped, other))
    return found


def wrappers(script: Script) -> list[Command]:
    """Return the commands that run a script of the recipe's, which may have the ``atc`` command in it."""
    return [
        each for each in script.commands if each.program in {"bash", "sh"} and any(".sh" in w for w in each.words[1:])
    ]


def _filled(value: str, variables: Variables) -> str:
    return variables.filled(value)[0]


def _stem(path: str) -> str:
    return _BATCH_OF_NAME.sub("", PurePosixPath(path).name.rpartition(".")[0] or path).strip("_-").lower()


def _says_the_same(first: Conversion, other: Conversion, account: Account) -> bool:
    """Say whether another command for a model differs in its batch size only, and note where it does not."""
    ignored = {*MANAGED, "input_shape"} if first.shape == other.shape else {*MANAGED}
    named = sorted({*first.flags, *other.flags} - ignored)
    differing = [name for name in named if first.flags.get(name) != other.flags.get(name)]
    line = other.command.line
    if not differing:
        return True
    values = {
        name: f"--{name}={quoted(other.flags[name])}" if name in other.flags else f"no --{name}" for name in named
    }
    text = (
        f"command atc for the model of line {first.command.line}, with {', '.join(values[name] for name in differing)}"
    )
    account.leave(line, f"{text}: a manifest has one; the first is taken")
    return False


def _options(command: Command, flags: dict[str, str], variables: Variables, account: Account) -> dict[str, Any]:
    """Return the section ``atc``; what is wrong in a flag's value leaves it out."""
    made: dict[str, Any] = {}
    for name, value in flags.items():
        if name in MANAGED or name in _SHAPES:
            continue
        if name == "soc_version":
            made |= _soc_version(command, value, variables, account)
            continue
        text, problem = _placeholders(value, variables)
        if name not in KNOWN:
            meant = did_you_mean(name, KNOWN).removeprefix("; ")
            remedy = meant or "if `atc --help` of your CANN has it, write it below atc.unchecked_flags"
            problem = problem or f"ATC is not known to have this flag; {remedy}"
        if name in _FILES and _outside(text):
            problem = problem or "expected a file beside the manifest; write its name there, and put it beside"
        entry = {} if problem else _entry(name, text)
        problem = problem or _refusal(made, entry)
        if problem:
            account.warn(command.line, f"flag --{name}={quoted(value)}: {problem}")
            if name == "framework":
                account.stand_in("atc.framework", "the recipe converts another kind of model")
            continue
        made = _joined(made, entry)
        if name in _FILES:
            account.leave(command.line, f"flag --{name}: names the file {quoted(value)}; put it beside the manifest")
    return made


def _outside(path: str) -> bool:
    """Say whether a path leads out of the manifest's folder."""
    return path.startswith(("/", "~", "\\")) or ".." in re.split(r"[/\\]", path) or ":" in path[:2]


def _soc_version(command: Command, value: str, variables: Variables, account: Account) -> dict[str, Any]:
    names = [match[1] or match[2] for match in VARIABLE.finditer(value)]
    if names:
        text = f"flag --soc_version={quoted(value)}: the run asks npu-smi which chip it is on"
        if any(not _CHIP_NAMES.fullmatch(name) and name not in variables.values for name in names):
            account.warn(command.line, f"{text}; the variable {', '.join(names)} is never set")
        else:
            account.leave(command.line, text)
        return {}
    if not value.lower().startswith("ascend") and re.match(r"[0-9]{3}", value):
        text = f"flag --soc_version={quoted(value)}: expected the prefix Ascend, as ATC names chips"
        account.warn(command.line, f"{text}; written as Ascend{quoted(value)}")
        value = f"Ascend{value}"
    entry = {"soc_version": value}
    if problem := _refusal({}, entry) or ("" if re.fullmatch(r"[\w-]{1,40}", value) else "expected the name of a chip"):
        account.warn(command.line, f"flag --soc_version={quoted(value)}: {problem}")
        return {}
    return entry


def _placeholders(value: str, variables: Variables) -> tuple[str, str]:
    """Write variables of the batch size and the chip as a manifest does.

    Returns:
        The text, and what is wrong with it.
    """
    text = re.sub(r"Ascend\$\{?(\w+)\}?", lambda m: "{soc}" if _CHIP_NAMES.fullmatch(m[1]) else m[0], value)
    text = VARIABLE.sub(lambda m: "{batch}" if BATCH_NAMES.fullmatch(m[1] or m[2]) else m[0], text)
    left = list(dict.fromkeys(match[1] or match[2] for match in VARIABLE.finditer(text)))
    if not left:
        return text, "runs a command for its value" if "$(" in text or "`" in text else ""
    several = [name for name in left if name in variables.values]
    why = "has several values" if several else "is never set"
    return text, f"the variable {(several or left)[0]} {why}"


def _entry(name: str, text: str) -> dict[str, Any]:
    """Return what the section ``atc`` says in place of a flag."""
    if name == "framework":
        return {name: int(text) if re.fullmatch("[0-9]{1,3}", text) else text}
    if name == "out_nodes":
        return {name: [node.strip() for node in text.split(";") if node.strip()]}
    if name in {"input_format", "precision_mode", "log", "insert_op_conf"}:
        return {name: text}
    plain = re.fullmatch("0|[1-9][0-9]{0,8}", text)
    return {"flags": {name: int(text) if plain else text}}


def _joined(made: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    if "flags" not in entry:
        return {**made, **entry}
    return {**made, "flags": {**made.get("flags", {}), **entry["flags"]}}


def _refusal(made: dict[str, Any], entry: dict[str, Any]) -> str:
    """Say why a manifest does not take a value, beside those that it has already; empty if it does."""
    try:
        AtcOptions.model_validate(_tuples(_joined(made, entry)))
    except ValidationError as error:
        return "; ".join(_reason(each["type"], each["msg"], next(iter(entry))) for each in error.errors())
    return ""


def _reason(kind: str, message: str, key: str) -> str:
    if key == "framework":
        return "expected 5 (ONNX), as no other kind of model is converted"
    if kind == "literal_error":
        allowed = AtcOptions.model_fields[key].annotation
        choices = [
            value for each in (allowed, *get_args(allowed)) for value in get_args(each) if isinstance(value, str)
        ]
        return f"expected one of {', '.join(dict.fromkeys(choices))}"
    return message


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def batches_of(variables: Variables, names: Sequence[str]) -> Iterator[int]:
    """Yield the batch sizes that a recipe sets its variables to."""
    for name in names:
        for value in variables.values.get(name, []):
            if re.fullmatch("[1-9][0-9]{0,5}", value):
                yield int(value)
