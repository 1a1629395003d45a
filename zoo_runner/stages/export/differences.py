"""How far the outputs of two graphs may be apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

LARGEST_DIFFERENCE: Final = 1e-3
UNCOMPARED: Final = "not compared with the graph before"
"""What is said of a script whose graph could not be compared."""


def relative_difference(reference: NDArray[Any], found: NDArray[Any]) -> float:
    """Return max |found - reference| / max |reference|, over all elements of one output.

    The divisor is one number for the whole output, so that values near zero do not blow the quotient up.
    Equal arrays give 0, also when empty or all zero; others against an all-zero reference give infinity. So do values
    that are not finite where the reference has others: infinities and NaNs must stand in the same places.
    """
    import numpy as np  # noqa: PLC0415 - kept out of the command line's start

    expected, got = reference.astype("float64"), found.astype("float64")
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], got[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return float("inf")
    largest = float(abs(got[finite] - expected[finite]).max(initial=0.0))
    scale = float(abs(expected[finite]).max(initial=0.0))
    if not largest:
        return 0.0
    return largest / scale if scale else float("inf")


def refuse_differences(differences: Mapping[str, float], what: str, remedy: str) -> None:
    """Refuse a file that computes something else.

    Args:
        differences: Of each output, as :func:`relative_difference` defines it.
        what: Begins the error: what differs from what.
        remedy: What to do about it.

    Raises:
        ExportError: One exceeds 1e-3.
    """
    wrong = [f"{name} by {value:.2e}" for name, value in differences.items() if not value <= LARGEST_DIFFERENCE]
    if wrong:
        allowed = f"at most {LARGEST_DIFFERENCE:g} is allowed"
        said = f"{what} in {', '.join(wrong)} of the output's largest value, {allowed}"
        raise ExportError(f"{said}; {remedy}")
