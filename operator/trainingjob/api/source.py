"""The program's files, where they are not in the image: fetched into `/workspace` before it starts."""

from typing import Annotated, Final

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.pod_fields import Name, NameReference
from trainingjob.api.stores import ClaimFolder, Path, Sha256, Uri
from trainingjob.api.volumes import Items

MODULE: Final = "-m "
"""What an entrypoint begins with that is a module and no file."""

Entrypoint = Annotated[str, Field(min_length=1, max_length=1024)]


class GitSource(Model):
    """A commit of a git repository."""

    url: Annotated[str, Field(min_length=1, max_length=2048)] = Field(
        description="The repository: https://, http://, ssh:// or git@host:path. A password stands in a Secret."
    )
    ref: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None,
        description="The branch, tag or commit (all 40 digits); the default branch when not given. Each pod fetches it "
        "again, so that only a commit, or a tag that stays, is always the same.",
    )
    path: Path | None = Field(
        None, description="The folder of the repository that is wanted; all of it when not given."
    )
    secret_ref: NameReference | None = Field(
        None,
        description="A Secret with username and password (or a token as the password), and ca.crt for a server's own "
        "authority; or with ssh-privatekey and known_hosts.",
    )


class ArchiveSource(Model):
    """A tar or zip file in a store."""

    uri: Uri = Field(description="The file: s3://, gs://, az://, https:// or http://.")
    sha256: Sha256 | None = Field(None, description="The digest that the file must have, in hexadecimal.")
    secret_ref: NameReference | None = Field(
        None,
        description="A Secret whose keys are the variables that the store's own tools read: AWS_ACCESS_KEY_ID, …; the "
        "identity of the pod's service account when not given.",
    )


class ConfigMapSource(Model):
    """The keys of a ConfigMap as files: for a script or a few."""

    name: Name = Field(description="The ConfigMap's name.")
    items: Items | None = Field(
        None, description="Which keys, and the files that they become; all by their own names when not given."
    )


class Source(Model):
    """Where the program's files come from: exactly one of these."""

    git: GitSource | None = Field(None, description="A commit of a git repository.")
    archive: ArchiveSource | None = Field(None, description="A tar or zip file in a store.")
    config_map: ConfigMapSource | None = Field(None, description="The keys of a ConfigMap.")
    pvc: ClaimFolder | None = Field(None, description="A folder of a PersistentVolumeClaim; it is copied.")


def entrypoint_command(entrypoint: str) -> list[str]:
    """Return the command that runs an entrypoint in the folder of the source."""
    if entrypoint.startswith(MODULE):
        return ["python", "-m", entrypoint.removeprefix(MODULE)]
    return ["python" if entrypoint.endswith(".py") else "sh", entrypoint]
