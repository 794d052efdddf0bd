"""What the uploading sidecar says at its end, in its termination message: where the artifact is, and if it is whole.

The message comes from a pod, so whoever reads it believes nothing of it without a check.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MAX_METRICS = 64


class Metric(BaseModel):
    """The newest value of one metric."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=63, pattern=r"^[A-Za-z_][A-Za-z0-9_./-]*$")
    value: float = Field(allow_inf_nan=False)
    step: int | None = Field(None, ge=0, le=2**53)


class Report(BaseModel):
    """The end of an upload; as JSON without blanks it has at most the bytes that the task allows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: int = Field(1, ge=1, le=1)
    uri: str = Field(max_length=1024)
    """The artifact's folder in the store; it is the task's prefix, or that with `.1`, `.2`, … for a later pod of the
    same replica and attempt."""
    sha256: Digest | None = None
    """The digest of the manifest; None when there is none in the store."""
    files: int = Field(0, ge=0)
    bytes: int = Field(0, ge=0)
    complete: bool = False
    problem: str = Field("", max_length=512)
    """Why it is not complete, in a sentence; empty when it is."""
    metrics: tuple[Metric, ...] = Field((), max_length=MAX_METRICS)
