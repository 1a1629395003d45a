"""Expectations and tolerances proposed from repeated runs."""

from __future__ import annotations

from zoo_runner.proposal.figures import Figure, Proposal, ProposalError, propose, t_quantile
from zoo_runner.proposal.text import diff, patch

__all__ = ["Figure", "Proposal", "ProposalError", "diff", "patch", "propose", "t_quantile"]
