"""Plain implementations of a plugin's stages, for the search for what made a gate red.

All of it is optional. Plugins may import this module as they may :mod:`zoo_runner.plugin.interfaces`. A plain
implementation is written out on its own, for reading and not for speed, and shares no code with the fast one: a
mistake that is in both is not seen. None of it has a part in any figure or verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample

MakesInputs: TypeAlias = "Callable[[Sample], Arrays]"
"""As :class:`~zoo_runner.plugin.interfaces.Preprocess`."""
MakesPrediction: TypeAlias = "Callable[[Arrays, Sample], Arrays]"
"""As :class:`~zoo_runner.plugin.interfaces.Postprocess`."""


@dataclass(frozen=True, kw_only=True)
class Plain:
    """What a plugin offers to hold its own stages against.

    Attributes:
        preprocess: Makes the inputs of a sample.
        postprocess: Makes the prediction of a sample.
        input_mistakes: Makes the inputs as a usual mistake would, by what the mistake is called. They need not be
            those that the runner knows itself: exchanged channels, a mean, a scale, a shift, a mirror image.
        prediction_mistakes: Likewise the prediction.
    """

    preprocess: MakesInputs | None = None
    postprocess: MakesPrediction | None = None
    input_mistakes: Mapping[str, MakesInputs] = field(default_factory=dict)
    prediction_mistakes: Mapping[str, MakesPrediction] = field(default_factory=dict)
