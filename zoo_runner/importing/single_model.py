"""One model of a recipe: its inputs and outputs, and its section ``atc``, made to go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.importing import tensors
from zoo_runner.importing.account import Account, quoted
from zoo_runner.importing.open_sizes import Opened, opened
from zoo_runner.plugin.interfaces import BATCH

if TYPE_CHECKING:
    from zoo_runner.importing.atc import Conversion
    from zoo_runner.importing.tensors import Listed, Tensors

_OPEN: Final = ("dynamic_image_size", "dynamic_dims", "input_shape_range")
_AIPP: Final = "insert_op_conf"


@dataclass(kw_only=True)
class Single:
    """What a manifest says of one model.

    Attributes:
        inputs: The section ``inputs``.
        outputs: The section ``outputs``.
        atc: The section ``atc``.
        unsaid: Keys of the section ``atc`` with stand-ins, and why.
        gears: Batch sizes that its one .om takes; none where each has its own.
        batched: Whether all inputs have a batch axis.
    """

    inputs: Tensors
    outputs: Tensors
    atc: dict[str, Any] = field(default_factory=dict)
    unsaid: dict[str, str] = field(default_factory=dict)
    gears: list[int] = field(default_factory=list)
    batched: bool = True


def single_model(
    conversion: Conversion | None,
    inputs: Sequence[Listed],
    outputs: Sequence[Listed],
    account: Account,
    *,
    among: bool = False,
) -> Single:
    """Join what a command and the tables say of a model.

    Args:
        conversion: The command; ``None`` where the recipe shows none.
        inputs: The table of inputs.
        outputs: The table of outputs.
        account: Is told what contradicts itself.
        among: Whether it is one of several, which have neither AIPP nor gears of batch sizes.
    """
    found = opened(conversion, account) if conversion is not None else None
    options = dict(conversion.options) if conversion is not None else {}
    line = conversion.command.line if conversion is not None else 0
    if found is None:
        given = tensors.inputs_of_table(inputs)
        batched = all(entry["shape"][:1] == [BATCH] for entry in given.entries)
        found = Opened(inputs=given, batched=batched)
    else:
        own_aipp = _AIPP in options
        given = tensors.with_types(found.inputs, inputs, line, account, own_aipp=own_aipp)
    if not found.batched and (found.atc or among):
        _close(found)
    made = Single(inputs=given, outputs=_outputs(outputs, options, found, line, account), batched=found.batched)
    made.atc = {**options, **found.atc}
    made.unsaid = found.unsaid
    made.gears = list(made.atc.get("dynamic_batch_size", ()))
    _refuse_rivals(made, line, account, among=among)
    return made


def _outputs(listed: Sequence[Listed], options: dict[str, Any], found: Opened, line: int, account: Account) -> Tensors:
    nodes = options.get("out_nodes", [])
    if nodes and listed and len(nodes) != len(listed):
        text = f"flag --out_nodes={quoted(';'.join(nodes))}: the table of outputs has {len(listed)} rows"
        account.warn(line, f"{text}; left out, so that they are found in the graph by outputs")
        del options["out_nodes"]
    return tensors.outputs(listed, nodes, found.batched)


def _close(found: Opened) -> None:
    """Replace open axes of a model of which not every input has the batch axis: a manifest cannot have both."""
    for entry in found.inputs.entries:
        sizes = [axis if isinstance(axis, int) else 1 for axis in entry["shape"] if axis != BATCH]
        entry["shape"] = [BATCH, *(sizes if entry["shape"][:1] == [BATCH] else sizes[1:])]
    found.inputs.unsaid[""] = "not every input begins with the batch size, and others have open axes"
    found.atc, found.unsaid, found.batched = {}, {}, True


def _refuse_rivals(made: Single, line: int, account: Account, *, among: bool) -> None:
    """Leave out what a manifest does not take beside something else."""
    if _AIPP in made.atc and (among or any(key in made.atc for key in _OPEN)):
        beside = "beside other models" if among else "beside open axes"
        account.warn(line, f"flag --{_AIPP}={quoted(made.atc[_AIPP])}: a manifest takes no AIPP file {beside}")
        del made.atc[_AIPP]
    if among and made.gears:
        sizes = ",".join(map(str, made.gears))
        account.leave(line, f"flag --dynamic_batch_size={sizes}: a manifest with several models has one batch size")
        del made.atc["dynamic_batch_size"]
        made.gears = []
