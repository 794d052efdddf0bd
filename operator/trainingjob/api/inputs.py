"""Data that a program reads: mounted, or brought into the pod before it starts."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.pod_fields import NameReference
from trainingjob.api.stores import ClaimFolder, Sha256, Uri
from trainingjob.api.volumes import CSIData

INPUT_VARIABLE_PREFIX: Final = "INPUT_"
"""What the names of the variables begin with that name the inputs."""

InputName = Annotated[str, Field(min_length=1, max_length=30, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]


class InputMode(StrEnum):
    """How data gets into a pod."""

    MOUNT = "mount"
    DOWNLOAD = "download"


class Input(Model):
    """Data under a name; `INPUT_<NAME>` tells the program where it stands."""

    name: InputName = Field(
        description="The input's name. The program finds its path in INPUT_<NAME>, in capitals and with _ for -, and "
        "$(INPUT_<NAME>) stands for it in command, args and env."
    )
    uri: Uri | None = Field(
        None,
        description="What is downloaded: s3://, gs://, az://, https:// or http://; a / at the end means a folder.",
    )
    pvc: ClaimFolder | None = Field(None, description="A claim, or a part of it, with the data instead.")
    csi: CSIData | None = Field(
        None,
        description="A volume that a CSI driver of the nodes makes for each pod instead, such as one that shows a "
        "bucket; it is mounted read-only.",
    )
    mode: InputMode | None = Field(
        None,
        description="mount: the volume itself, read-only. download: a copy of the pod's own, made before the program "
        "starts. When not given a claim or a CSI volume is mounted and a uri downloaded.",
    )
    path: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        None,
        description="The folder in the training container; one of the operator's choice when not given.",
    )
    sha256: Sha256 | None = Field(None, description="The digest that a downloaded file must have, in hexadecimal.")
    secret_ref: NameReference | None = Field(
        None,
        description="A Secret whose keys are the variables that the store's own tools read: AWS_ACCESS_KEY_ID, …; the "
        "identity of the pod's service account when not given. The program cannot read it.",
    )

    @property
    def mounted(self) -> bool:
        """Say whether the data is mounted and not copied."""
        return self.mode is InputMode.MOUNT or (self.mode is None and self.uri is None)

    @property
    def variable(self) -> str:
        """Return the name of the variable that names the data."""
        return INPUT_VARIABLE_PREFIX + self.name.upper().replace("-", "_")
