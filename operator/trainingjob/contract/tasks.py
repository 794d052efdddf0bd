"""What the operator asks of a container in a training pod; each task is one JSON object in `TRAININGJOB_TASK`.

No task holds a secret: credentials come as files of a mounted Secret, in the folder that the task names.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Task(BaseModel):
    """A part of a task: operator and container have the same version, so that nothing unknown is passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GitSource(Task):
    """A commit of a git repository."""

    kind: Literal["git"] = "git"
    url: str
    ref: str = ""
    """A branch, tag or commit; empty for the repository's own default."""
    path: str = ""
    """The folder of the repository that becomes the workspace; empty for all of it."""
    credentials: str = ""
    """A folder with the files `username` and `password`, or `ssh-privatekey` and `known_hosts`; empty for none."""


class ArchiveSource(Task):
    """A tar or zip file in a store."""

    kind: Literal["archive"] = "archive"
    uri: str
    """`s3://`, `gs://`, `az://`, `https://` or `http://`."""
    sha256: str = ""
    """What its bytes must have, in hexadecimal; empty when nobody knows."""
    credentials: str = ""


class FolderSource(Task):
    """A folder that is mounted: a ConfigMap or a part of a claim."""

    kind: Literal["folder"] = "folder"
    folder: str


class FetchSource(Task):
    """Put the program's files into the workspace.

    The termination message says what they were: `{"commit": "<40 digits>"}` of git, `{"uri": …, "sha256": …}` of an
    archive, `{}` of a folder.
    """

    source: Annotated[GitSource | ArchiveSource | FolderSource, Field(discriminator="kind")]
    workspace: str
    folders: tuple[str, ...] = ()
    """Folders to make in the workspace, so that the program need not: those of `outputs`."""
    entrypoint: str = ""
    """The file that has to be there, relative to the workspace; empty when nothing is checked."""
    max_bytes: int = 300 * 1024 * 1024
    max_files: int = 2000


class CondaPackages(Task):
    """What is asked of conda."""

    packages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    file: str = ""
    """An `environment.yml` relative to the workspace; empty for none."""
    workspace: str = ""


class CopyTools(Task):
    """Copy what the later containers of other images need into the tools folder."""

    tools: str
    conda: CondaPackages | None = None
    """What conda is to install; it is read and checked here, where YAML can be read. None without conda."""


class InstallPackages(Task):
    """Install packages, in the training image; `install-packages` in the tools does it.

    What conda is to install it finds among the tools, as `copy-tools` has left it.
    """

    environment: str
    pip: tuple[str, ...] = ()
    pip_file: str = ""
    """A requirements file relative to the workspace; empty for none."""
    index_url: str = ""
    credentials: str = ""
    """A folder with the files `index-url` (with its user and password), `pip.conf`, `channels` or `netrc`; empty for
    none."""
    cache: str = ""
    """A folder that outlives the pod; empty for none."""
    workspace: str = ""
    cuda: bool = False
    """Whether the program gets GPUs of NVIDIA, which the container that installs does not see."""


class Input(Task):
    """One input: what to download, and where it is wanted."""

    name: str
    uri: str
    """`s3://…`, `gs://…`, `az://…`, `https://…`, or `file:///…` for a mounted claim. A trailing `/` or a key below
    which there are others means a folder."""
    sha256: str = ""
    """Of a single file; empty when nobody knows."""
    target: str
    """The folder in which the files are put."""
    credentials: str = ""


class DownloadInputs(Task):
    """Bring the inputs into the pod."""

    inputs: tuple[Input, ...]


class RestoreArtifact(Task):
    """Bring the newest artifact of an earlier attempt or job into the pod, verified.

    The termination message says which: `{"uri": …, "manifest": …, "files": n, "bytes": n}`, or `{}` for none.
    """

    prefixes: tuple[str, ...]
    """Folders, the best first, each without the trailing `/`: an artifact's own, or that of an attempt, which holds one
    for each replica. One that ends in `/*` stands for every folder below it, the highest number first: attempts. The
    first whose newest manifest holds true for its files is taken."""
    replica: str
    """`worker-0`: whose artifact is wanted below an attempt's folder."""
    logs: str = ""
    """The folder of logs relative to the workspace: an artifact with files nowhere else has nothing to go on from and
    is passed over. Empty when files anywhere count."""
    target: str
    required: bool
    """Whether it is a failure that there is none: so for `resumeFrom`, not for `restore`."""
    credentials: str = ""


class MirrorEvents(Task):
    """Keep a copy of a job's event files, of all attempts and replicas, beside a TensorBoard, as long as it lives."""

    prefix: str
    """The job's folder in the store: `<uri>/<namespace>/<job>/<uid>`, without a trailing `/`."""
    stream: tuple[str, ...]
    """Folders of each replica's artifact in which event files are looked for."""
    target: str
    """The folder of the copy; below it a file stands as it does below the prefix."""
    interval_seconds: int
    """How long to wait from one look at the store to the next."""
    max_bytes: int
    """How much is copied at most; the newest attempts come first."""
    max_files: int = 10_000
    credentials: str = ""


class UploadArtifacts(Task):
    """Upload what a program writes, while it runs and at its end."""

    prefix: str
    """The folder in the store: `<uri>/<namespace>/<job>/<uid>/<attempt>/<role>-<index>`, without a trailing `/`."""
    uri: str = ""
    """What the report calls that folder: a claim is `file:///…` in here and `pvc://<namespace>/<claim>/…` for others.
    What is added to the one is added to the other. Empty when the prefix is its name for everybody."""
    workspace: str
    paths: tuple[str, ...]
    """Folders relative to the workspace that are kept at the end."""
    stream: tuple[str, ...]
    """Folders relative to the workspace that are kept while the program runs, too."""
    interval_seconds: int
    pod: str
    """The pod's name, for the log."""
    attempt: int
    credentials: str = ""
    state: str
    report_bytes: int
    """The most bytes that the report may have: the kubelet shares 12 KiB among the containers of a pod."""
    grace_seconds: int
    """How long the upload may take after the program's end."""
    metrics: str = ""
    """The file of metrics relative to the workspace; empty for none."""
    metrics_port: int = 0
