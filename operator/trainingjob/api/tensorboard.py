"""A TensorBoard beside the training, and for a while after it."""

from typing import Annotated, Final

from pydantic import Field

from trainingjob.api.base import Model

DEFAULT_TTL_SECONDS: Final = 3600


class TensorBoard(Model):
    """A TensorBoard that shows the event files which `outputs` keeps while the program runs."""

    enabled: bool = Field(
        True,
        description="Whether there is one: from the job's first pods on, over a claim while the job runs and after its "
        "end. It can be turned on while the job runs.",
    )
    ttl_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        DEFAULT_TTL_SECONDS,
        description="Seconds after the job's end when it is deleted; the event files stay in the store.",
    )
