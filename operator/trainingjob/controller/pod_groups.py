"""PodGroups: objects of a scheduler that may not be installed, and that the operator may have no rights on."""

import logging
from typing import Final

from trainingjob.api.job import TrainingJob
from trainingjob.controller.kube import KubeClient, Resource
from trainingjob.controller.kube_errors import ConflictError, KubeError, NotFoundError, RefusedError
from trainingjob.controller.observe import controller_of
from trainingjob.plan.gang import VOLCANO_API
from trainingjob.reconcile import Create, DeletePodGroup, Refusal, RefusalKind

logger = logging.getLogger(__name__)

_PROJECTS: Final = {VOLCANO_API: ("Volcano", "volcano")}
_OTHERWISE: Final = ("the coscheduling plugin of scheduler-plugins", "coscheduling")


def pod_group_resource(api_version: str) -> Resource:
    """Return the resource of the PodGroups of a scheduler."""
    return Resource(f"apis/{api_version}", "podgroups")


def explain_refusal(create: Create, error: KubeError) -> Refusal | None:
    """Return what to tell of a PodGroup that could not be created; None where the server's own words do.

    A server that does not know the kind answers 404 to who may create it and 403 to everybody else.
    """
    project, value = _PROJECTS.get(create.manifest["apiVersion"], _OTHERWISE)
    if isinstance(error, NotFoundError) and "namespaces" not in str(error):
        message = (
            f"PodGroup's CRD is not installed ({create.manifest['apiVersion']}): install {project}, or create the job "
            "without gang.scheduler"
        )
    elif error.status == 403 and "exceeded quota" not in str(error):
        message = f"{error}: install {project} and the operator's chart with gangSchedulers.{value}=true"
    else:
        return None
    return Refusal(create.kind, create.name, RefusalKind.GANG_SCHEDULER, message)


async def delete_pod_group(client: KubeClient, job: TrainingJob, group: DeletePodGroup) -> None:
    """Delete a PodGroup if the job owns it; it is gone afterwards, or nothing that this operator could delete.

    Raises:
        TransientError: when it is not known whether it is gone.
    """
    resource = pod_group_resource(group.api_version)
    try:
        body = await client.get(resource, job.namespace, group.name)
        if controller_of(body).get("uid") == job.uid:
            await client.delete(resource, job.namespace, group.name, body["metadata"]["uid"], 0)
    except (NotFoundError, ConflictError):
        return
    except RefusedError as error:
        # Where the right is missing none was created, or it was taken away since; the job's end waits for neither.
        logger.warning("The PodGroup %s was not deleted: %s", group.name, error)
