"""Where files come from and go to: addresses of stores, and folders of claims."""

from typing import Annotated, Final

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.pod_fields import Name

READABLE_URI: Final = r"^((s3|gs|az)://[^\s/@?#]+(/[^\s?#]*)?|https?://[^\s/@]+/\S+)$"
"""What files can be read from; a password would stand for everybody to read, so there is none in it."""

WRITABLE_URI: Final = r"^(s3|gs|az)://[^\s/@?#]+(/[^\s?#]*)?$"
"""What files can be written to."""

CLAIM_URI: Final = r"^pvc://[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[^\s?#]*$"
"""How a status names what stands in a claim: `pvc://<namespace>/<claim>/<path>`."""

Uri = Annotated[str, Field(min_length=1, max_length=1024)]
Path = Annotated[str, Field(min_length=1, max_length=512)]
Sha256 = Annotated[str, Field(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$")]


class ClaimFolder(Model):
    """A PersistentVolumeClaim of the job's namespace, or a part of it."""

    claim_name: Name = Field(description="The claim's name.")
    path: Path | None = Field(None, description="The folder or file within the claim; all of it when not given.")
