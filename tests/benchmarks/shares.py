"""How evenly tasks share fleets of heavy-tailed sizes: the slowest task's load, against the mean.

    python tests/benchmarks/shares.py

Each fleet is shared by the weights of the run before; since then 1 % of its clusters have gone, 2 % have come, and
sizes have changed by up to a tenth. `by name`: the first run of all, which knows no weights. The largest cluster is
left aside, as no sharing makes it smaller.
"""

from __future__ import annotations

import random

from job.commands.output import print_table
from job.run.shares import OVERHEAD, ClusterShares


def fleet(clusters: int, draw: random.Random) -> dict[str, int]:
    """Half of them below 600 objects, one of a thousand above 25,000, none above 200,000."""
    return {f"p/r/cluster-{index}": min(int(600 * draw.lognormvariate(0, 1.2)), 200_000) for index in range(clusters)}


def imbalance(weights: dict[str, int], now: dict[str, int], count: int) -> float:
    shares, loads = ClusterShares(weights, count), [0] * count
    for name, size in now.items():
        loads[shares.task_for(name)] += size + OVERHEAD
    return max(loads) / (sum(loads) / count)


def main() -> None:
    rows = []
    for clusters in (10, 20, 50, 100, 500, 1000, 5000, 20_000):
        draw = random.Random(clusters)
        weights = fleet(clusters, draw)
        del weights[max(weights, key=lambda name: weights[name])]
        now = {
            name: max(int(size * draw.uniform(0.9, 1.1)), 1) for name, size in weights.items() if draw.random() > 0.01
        }
        now |= {f"p/r/new-{index}": 100 for index in range(clusters // 50)}
        for count in sorted({max(clusters // 20, 1), min(max(clusters // 5, 1), 200)}):
            largest = (max(now.values()) + OVERHEAD) / (sum(now.values()) + OVERHEAD * len(now)) * count
            rows.append((clusters, count, imbalance(weights, now, count), imbalance({}, now, count), largest))
    headers = ("clusters", "tasks", "slowest / mean", "by name", "largest left / mean")
    print_table(headers, [[round(cell, 2) for cell in row] for row in rows])


if __name__ == "__main__":
    main()
