"""What is kept of what a program writes, and what an earlier run has left for it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.lists import ATOMIC
from trainingjob.api.pod_fields import NameReference
from trainingjob.api.stores import ClaimFolder

Folders = Annotated[list[Annotated[str, Field(min_length=1, max_length=128)]], Field(max_length=8), ATOMIC]


class UploadingReplicas(StrEnum):
    """Whose files are kept."""

    PRIMARY = "Primary"
    ALL = "All"


class Outputs(Model):
    """Folders whose files are kept in a store, whether the program succeeds or fails."""

    uri: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        None, description="Where they are kept: s3://bucket/path, or with gs or az."
    )
    pvc: ClaimFolder | None = Field(
        None, description="The claim where they are kept instead; the pods' fsGroup must be able to write there."
    )
    secret_ref: NameReference | None = Field(
        None,
        description="A Secret whose keys are the variables that the store's own tools read: AWS_ACCESS_KEY_ID, …; the "
        "identity of the pod's service account when not given. The program cannot read it.",
    )
    paths: Folders = Field(
        ["outputs"],
        description="Folders of the working directory that are kept at the program's end. TRAININGJOB_OUTPUTS names "
        "the first.",
    )
    stream: Folders = Field(
        ["logs"],
        description="Folders that are kept while the program runs, too. TRAININGJOB_LOGS names the first.",
    )
    interval: Annotated[int, Field(ge=1, le=86400)] = Field(
        30, description="Seconds between two looks for what is new in the folders of stream."
    )
    flush_seconds: Annotated[int, Field(ge=1, le=86400)] = Field(
        600, description="Seconds that an upload may take after the program's end, on top of stopGraceSeconds."
    )
    replicas: UploadingReplicas = Field(
        UploadingReplicas.PRIMARY,
        description="Whose files are kept: those of the primary (the chief, else worker 0, also with mpi unless the "
        "launcher runs a worker), or of all.",
    )
    required: bool = Field(
        False, description="Whether a job whose files could not all be kept has failed, although its program has not."
    )
    restore: bool = Field(
        False,
        description="Whether a new attempt, also after a suspension, is given what the last one has kept: "
        "TRAININGJOB_RESUME names the folder.",
    )
    # Without a default of the schema's own, which the API server would write into jobs that an older operator reads.
    capture_output: bool | None = Field(
        None,
        description="Whether a copy of what the program prints is kept, in the first folder of stream as "
        "stdout-stderr.log. Needs entrypoint or command, and Python in the image.",
    )
