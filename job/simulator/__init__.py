"""Simulates a fleet of GKE clusters on loopback: tokens, the GKE API, Kubernetes API servers and BigQuery, with faults.

It imports nothing from the rest of the package: an oracle must not share our bugs.
"""

from job.simulator.process import Simulator, SimulatorError, simulate

__all__ = ["Simulator", "SimulatorError", "simulate"]
