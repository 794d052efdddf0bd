"""Real Kubernetes clusters on one machine, for the demo, the tests and the benchmark.

`up` brings one up, `Cluster.load` finds it again, `down` removes it; `scripts/cluster` is the same as a command.
"""

from devtools.cluster.api import Api, ApiError
from devtools.cluster.cluster import Cluster
from devtools.cluster.errors import ClusterError
from devtools.cluster.updown import down, up

__all__ = ["Api", "ApiError", "Cluster", "ClusterError", "down", "up"]
