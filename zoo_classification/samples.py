"""What a classifier is scored on: images of one class each."""

from __future__ import annotations

from dataclasses import dataclass

from zoo_runner.plugin.interfaces import Sample


@dataclass(frozen=True, kw_only=True)
class LabelledSample(Sample):
    """An image and its class.

    Attributes:
        label: Position of its class among the network's outputs, from 0.
        name: What the class is called; where classes have no names that of its folder, else its label in digits.
        classes: How many classes the data set has; 0 where it does not say.
    """

    label: int
    name: str
    classes: int = 0
