"""Packages that are installed before the program starts, beside those of the image."""

from typing import Annotated

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.lists import ATOMIC
from trainingjob.api.pod_fields import Name, NameReference
from trainingjob.api.stores import Path

Requirement = Annotated[str, Field(min_length=1, max_length=512)]


class PackageCache(Model):
    """A claim in which what was downloaded or built stays for other pods and jobs."""

    claim_name: Name = Field(
        description="The claim's name; every pod of the job mounts it, and everybody who writes there is trusted."
    )


class Environment(Model):
    """Python packages for the program, in a virtual environment that sees those of the image as well."""

    pip: Annotated[list[Requirement], Field(max_length=100), ATOMIC] | None = Field(
        None, description="What is installed, as pip understands it: scikit-learn, pandas>=2."
    )
    pip_file: Path | None = Field(None, description="A file of source that lists more of it: requirements.txt.")
    index_url: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None, description="The package index; that of the image, and without one PyPI, when not given."
    )
    secret_ref: NameReference | None = Field(
        None,
        description="A Secret with the keys index-url (an index with its user and password), pip.conf or netrc. The "
        "program cannot read it.",
    )
    cache: PackageCache | None = Field(None, description="Where packages are kept for other pods.")
