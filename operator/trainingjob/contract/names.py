"""Names of containers, folders and variables on which the operator and its containers agree."""

from typing import Final

FETCH_SOURCE: Final = "fetch-source"
COPY_TOOLS: Final = "copy-tools"
INSTALL_PACKAGES: Final = "install-packages"
DOWNLOAD_INPUTS: Final = "download-inputs"
RESTORE_ARTIFACT: Final = "restore-artifact"
UPLOAD_ARTIFACTS: Final = "artifacts"
"""The containers in the order in which they stand in a pod; the last one is a native sidecar."""

MIRROR_EVENTS: Final = "mirror-events"
"""The container beside a TensorBoard, in a pod of its own."""

TASK_VARIABLE: Final = "TRAININGJOB_TASK"
"""The environment variable that holds a container's task as JSON."""

WORKSPACE: Final = "/workspace"
"""Where the source stands, and where the uploading sidecar sees `outputs/` and `logs/` of every job."""

TOOLS: Final = "/trainingjob/tools"
ENVIRONMENT: Final = "/trainingjob/environment"
ACTIVATION: Final = f"{ENVIRONMENT}/activate.sh"
"""What a shell reads to have a program find the packages of conda; the container that installs them writes it."""
INPUTS: Final = "/trainingjob/inputs"
RESUME: Final = "/trainingjob/resume"
STATE: Final = "/trainingjob/state"
"""What the uploading sidecar remembers of its work, for the case that it is started again."""
EVENTS: Final = "/trainingjob/events"
"""Where a TensorBoard finds the event files."""
CREDENTIALS: Final = "/trainingjob/credentials"
"""The folder below which a Secret is mounted for the container that needs it, one folder for each use."""
STORES: Final = "/trainingjob/stores"
"""The folder below which claims are mounted for a container of ours, one folder for each use."""

TERMINATION_LOG: Final = "/dev/termination-log"
TERMINATION_LOG_VARIABLE: Final = "TRAININGJOB_TERMINATION_LOG"
"""The environment variable that names another file for the termination message: `terminationMessagePath`, or a test."""

POD_UID_VARIABLE: Final = "TRAININGJOB_POD_UID"
"""The environment variable with the pod's own uid, which claims a folder of the store."""

METRICS_VARIABLE: Final = "TRAININGJOB_METRICS"
"""The environment variable that tells a program to which file it may append its metrics."""
METRICS_FILE: Final = "metrics.jsonl"
"""What that file is called, in the first of the folders that are kept while a program runs."""
METRICS_PORT: Final = 19464
"""Where the uploading sidecar serves metrics: below the ports that systems give out, and nobody's by custom."""
METRICS_PORT_NAME: Final = "metrics"

CAPTURE_OUTPUT: Final = "capture-output"
"""The script in the tools that stands in front of a program to keep a copy of what it prints."""
CAPTURED_FILE: Final = "stdout-stderr.log"
"""What the copy is called, in the first of the folders that are kept while a program runs."""

EXIT_REFUSED: Final = 65
"""Exit code of a container of ours: what was asked for does not exist or is not right; trying again is no use."""
EXIT_UNAVAILABLE: Final = 75
"""Exit code of a container of ours: a server did not answer in time; trying again may help."""
