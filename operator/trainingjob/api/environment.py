"""Packages that are installed before the program starts, beside those of the image."""

from typing import Annotated

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.lists import ATOMIC
from trainingjob.api.pod_fields import Name, NameReference
from trainingjob.api.stores import Path

Requirement = Annotated[str, Field(min_length=1, max_length=512)]
Channel = Annotated[str, Field(min_length=1, max_length=1024)]


class PackageCache(Model):
    """A claim in which what was downloaded or built stays for other pods and jobs."""

    claim_name: Name = Field(
        description="The claim's name; every pod of the job mounts it, and everybody who writes there is trusted."
    )


class Environment(Model):
    """Packages for the program: those of pip beside the image's own, those of conda in an environment of conda's."""

    pip: Annotated[list[Requirement], Field(max_length=100), ATOMIC] | None = Field(
        None, description="What is installed, as pip understands it: scikit-learn, pandas>=2."
    )
    pip_file: Path | None = Field(None, description="A file of source that lists more of it: requirements.txt.")
    conda: Annotated[list[Requirement], Field(max_length=100), ATOMIC] | None = Field(
        None,
        description="What conda installs, before pip: numpy>=1.26, conda-forge::onnx. With a Python among it the "
        "program runs with that one, and does not see the image's packages.",
    )
    conda_file: Path | None = Field(
        None, description="A file of source that lists more of it, with channels and packages of pip: environment.yml."
    )
    channels: Annotated[list[Channel], Field(max_length=20), ATOMIC] | None = Field(
        None,
        description="Where conda looks, the first one first: names or addresses. Those of condaFile follow; without "
        "any, those that the image's conda is set to count, or conda-forge where the image has no conda.",
    )
    index_url: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None, description="The package index of pip; that of the image, and without one PyPI, when not given."
    )
    secret_ref: NameReference | None = Field(
        None,
        description="A Secret with the keys index-url (an index with its user and password), pip.conf, channels (of "
        "conda, with passwords or tokens) or netrc. The program cannot read it.",
    )
    cache: PackageCache | None = Field(None, description="Where packages are kept for other pods.")
