"""What a manifest may say of one chip: its own accuracies, and its throughput."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from zoo_runner.manifest.figures import BY_BATCH, CONFIRM, ChipFigures, Tolerance, TooGood
from zoo_runner.manifest.rates import RateUnit, rate_name
from zoo_runner.manifest.section import RATE_UNIT, Positive, Rate, Section, Words


class ChipExpectation(Section):
    """Figures published for one chip, or for one backend on it, by batch size."""

    accuracy: ChipFigures = Field(
        default_factory=dict,
        description="replaces expected.accuracy.value for these batch sizes; by METRIC/PROTOCOL and batch size where "
        "that has several",
    )
    throughput: Mapping[Positive, Rate] = Field(
        default_factory=dict,
        description="of pure inference, by batch size: samples per second unless unit says what else",
        json_schema_extra=BY_BATCH,
    )
    unit: RateUnit = Field(
        default=RATE_UNIT,
        description="of the throughput: samples per second, or the name of another rate with what one sample is worth",
    )
    tolerance: Tolerance = Field(default=Tolerance(), description="of the throughput")
    too_good: TooGood | None = Field(
        default=None, description="of the throughput: how far beyond the expectation is suspicious; no default"
    )
    confirm: Words | None = Field(default=None, description=CONFIRM)
    cann: str | None = Field(default=None, description="CANN release the figures were measured with")
    published: str | None = Field(default=None, description="where the figures were published")

    @property
    def rate_name(self) -> str:
        """What the unit of the throughput is called."""
        return rate_name(self.unit)

    @property
    def accuracy_by_line(self) -> bool:
        """Whether the accuracies stand at METRIC/PROTOCOL."""
        return any(isinstance(key, str) for key in self.accuracy)

    @property
    def own_accuracies(self) -> Mapping[str, Mapping[int, float]]:
        """The accuracies by METRIC/PROTOCOL and batch size; those of the one metric there is stand at no name."""
        found: dict[str, Mapping[int, float]] = {}
        for key, value in self.accuracy.items():
            if isinstance(key, str) and isinstance(value, Mapping):
                found[key] = value
            elif isinstance(key, int) and not isinstance(value, Mapping):
                found[""] = {**found.get("", {}), key: value}
        return found
