"""The process that attends to a cluster's claims and GPUs: python -m devtools.cluster.provisioner FOLDER."""

import sys
import time
from pathlib import Path

from devtools.cluster.api import Api, ApiError
from devtools.cluster.storage import attend

_PAUSE = 0.5


def main() -> None:
    """Attend to a cluster until the process is ended; an API server that is away is waited for."""
    directory = Path(sys.argv[1])
    api = Api(directory / "provisioner.kubeconfig", "trainingjob-cluster-provisioner")
    while True:
        try:
            attend(api, directory / "volumes")
        except (ApiError, OSError) as error:
            print(error, flush=True)
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
