"""Names that are part of the interface: group, kind, labels, annotations, ports."""

from typing import Final

GROUP: Final = "trainingjob.dev"
VERSION: Final = "v1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "TrainingJob"
PLURAL: Final = "trainingjobs"

MANAGED_BY: Final = f"{GROUP}/trainingjob-operator"
"""What `managedBy` says of a job that this operator runs."""

LABEL_JOB: Final = f"{GROUP}/job"
LABEL_ROLE: Final = f"{GROUP}/role"
LABEL_INDEX: Final = f"{GROUP}/index"
LABEL_ATTEMPT: Final = f"{GROUP}/attempt"
LABEL_JOB_UID: Final = f"{GROUP}/job-uid"
LABEL_TENSORBOARD: Final = f"{GROUP}/tensorboard"
LABEL_TENSORBOARD_UID: Final = f"{GROUP}/tensorboard-job-uid"
"""Name and uid of the job whose TensorBoard a pod is. Such a pod is none of the job's, and has none of its labels."""
ANNOTATION_SPEC_HASH: Final = f"{GROUP}/spec-hash"
ANNOTATION_DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"

MAIN_CONTAINER: Final = "main"
PREPARE_CONTAINER: Final = "prepare"
"""The init container that waits for what the program needs of other pods; the last before `main`."""
TENSORFLOW_PORT: Final = 2222
"""The port of every TensorFlow server of a job; the design's section 2.2."""

SSH_PORT: Final = 2222
"""The port on which the workers of an MPI job accept ssh; a high one, because they do not run as root."""

SSH_CLIENT_KEY: Final = "client_key"
SSH_AUTHORIZED_KEYS: Final = "authorized_keys"
SSH_HOST_KEY: Final = "host_key"
SSH_KNOWN_HOSTS: Final = "known_hosts"
"""The items of the Secret with the keys of an MPI job: private client key, who may enter, private host key, whom to
trust."""

TENSORBOARD_SUFFIX: Final = "-tensorboard"
"""What the names of a TensorBoard's Deployment and Service have after the job's."""
TENSORBOARD_PORT: Final = 6006
"""TensorBoard's own default."""

TORCH_PORT: Final = 29500
"""The port of rank 0's store: PyTorch's own default."""

SHM_PATH: Final = "/dev/shm"  # noqa: S108 - a mount point, not a temporary file
"""Where shared memory stands in every training container; `shmSize` bounds it."""

OWN_VOLUME_PREFIX: Final = "trainingjob-"
"""What the names of the operator's own volumes begin with."""

RESERVED_ENV_NAMES: Final = (
    "TF_CONFIG",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
)
"""Environment variables that only the operator, or the launcher that it configures, may set."""

RESERVED_ENV_PREFIXES: Final = ("PET_", "TRAININGJOB_")
"""What the names of further such variables begin with."""

MAX_REPLICAS: Final = 10_000
"""The most replicas of one role; how many a TF_CONFIG can name is decided by the plan."""

DNS_LABEL_MAX: Final = 63
"""The longest name of a Pod that is also a host name, and of a Service (RFC 1123, RFC 1035)."""

MAX_ENV_STRING_BYTES: Final = 131_072
"""`NAME=value` with its final NUL, for one process: Linux' MAX_ARG_STRLEN, 32 pages of 4 KiB."""
