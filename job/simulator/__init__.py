"""A fleet of GKE clusters on loopback: tokens, the GKE API, Kubernetes API servers and BigQuery, with faults.

It imports nothing of the job: an oracle must not share our bugs.
"""

from job.simulator.process import Simulator, SimulatorError, simulate

__all__ = ["Simulator", "SimulatorError", "simulate"]
