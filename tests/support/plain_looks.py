"""What the search for the stage at fault says of inputs and predictions, with a plugin's plain implementations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from zoo_runner.attribution.deadline import Deadline
from zoo_runner.attribution.nearness import INPUTS, alike, apart
from zoo_runner.attribution.stages import Look, of_inputs, predictions_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.plain import Plain


def look(plain: Plain) -> Look:
    """Return a look at stages that needs no run."""
    nothing = cast("Any", None)
    return Look(job=nothing, plain=plain, chain=nothing, graph=nothing, deadline=Deadline())


def said_of_inputs(plain: Plain, samples: Sequence[Sample], found: Sequence[Arrays]) -> str | None:
    """Return the mistake that is named; ``None`` where the inputs are as the plain ones."""
    assert plain.preprocess is not None
    right = [plain.preprocess(sample) for sample in samples]
    pairs = list(zip(found, right, strict=True))
    if all(apart(*pair) <= INPUTS / 2 and _types(pair[0]) == _types(pair[1]) for pair in pairs):
        return None
    return of_inputs(look(plain), samples, found, right)


def said_of_predictions(plain: Plain, given: Sequence[tuple[Arrays, Sample]], found: Sequence[Arrays]) -> str | None:
    """Return the mistake that is named; ``None`` where the predictions are as the plain ones."""
    assert plain.postprocess is not None
    right = [plain.postprocess(*each) for each in given]
    if all(alike(*pair) and _types(pair[0]) == _types(pair[1]) for pair in zip(found, right, strict=True)):
        return None
    return predictions_like(look(plain), given, found)


def _types(arrays: Arrays) -> dict[str, str]:
    return {name: str(array.dtype) for name, array in arrays.items()}
