"""What an earlier run has left, for a new one to go on from."""

from typing import Annotated

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.pod_fields import NameReference
from trainingjob.api.stores import Uri


class EarlierJob(Model):
    """A job of the same namespace that kept its outputs where this one does; it need not exist any more."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")] = Field(
        description="The job's name."
    )
    uid: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z][-0-9A-Za-z]*$")] = Field(
        description="Its metadata.uid: there may have been several jobs of that name."
    )


class ResumeFrom(Model):
    """An artifact that is brought into the pods before the program starts: exactly one of uri and job."""

    uri: Uri | None = Field(
        None,
        description="The artifact, as status.artifacts of the job that left it has it: s3://, gs://, az:// or pvc://.",
    )
    job: EarlierJob | None = Field(
        None, description="The job that left it, in the same store as spec.outputs; its newest artifact counts."
    )
    secret_ref: NameReference | None = Field(
        None, description="A Secret for the store; that of outputs when not given. Not for a claim."
    )
