"""What runs in the training image and is ours: a container that brings it, and the words that stand in front."""

from typing import Final

from trainingjob.contract import names
from trainingjob.contract.tasks import CopyTools
from trainingjob.plan.addition import Addition, RolePods
from trainingjob.plan.artifacts import Uploads
from trainingjob.plan.conda import conda_packages
from trainingjob.plan.model import Replica
from trainingjob.plan.own_containers import own_container, scratch
from trainingjob.plan.workspace import WORKSPACE_VOLUME, working_dir

TOOLS_VOLUME: Final = scratch("tools", names.TOOLS)


def add_tools(pods: RolePods, uploads: Uploads, *, prints: bool) -> tuple[Addition, ...]:
    """Return what brings the tools into the pods of a role that need them, and stands in front of their programs.

    Args:
        pods: the pods.
        uploads: which of them keep what they write.
        prints: whether what a program of the user's prints comes out of them, so that a copy of it may be kept.
    """
    installs = pods.spec.environment is not None
    captures = prints and uploads.outputs is not None and bool(uploads.outputs.capture_output)
    if not installs and not captures:
        return ()
    conda = conda_packages(pods.spec.environment)
    # Whoever reads the user's list of packages needs the source; nobody else does.
    read = [WORKSPACE_VOLUME.mount] if conda and conda.file else []
    task = CopyTools(tools=names.TOOLS, conda=conda)
    copy = own_container(names.COPY_TOOLS, pods.own_image, task, [TOOLS_VOLUME.mount, *read], ())
    front, mount = _in_front(pods, uploads), {**TOOLS_VOLUME.mount, "readOnly": True}

    def in_front(replica: Replica) -> bool:
        return captures and uploads.uploads(replica)

    def needed(replica: Replica) -> bool:
        return installs or in_front(replica)

    return (
        Addition(
            replica_volumes=lambda replica: (TOOLS_VOLUME.volume,) if needed(replica) else (),
            replica_mounts=lambda replica: (mount,) if in_front(replica) else (),
            in_front=lambda replica: front if in_front(replica) else (),
            container=lambda replica, _attempt: copy if needed(replica) else None,
        ),
    )


def _in_front(pods: RolePods, uploads: Uploads) -> tuple[str, ...]:
    """Return the words that make a program one of which a copy of what it prints is kept."""
    stream = uploads.outputs.stream if uploads.outputs else ()
    file = f"{working_dir(pods.spec)}/{next(iter(stream), '')}/{names.CAPTURED_FILE}"
    return "/bin/sh", f"{names.TOOLS}/{names.CAPTURE_OUTPUT}", file
