"""TensorBoards: a Deployment and a Service, deleted when they are the job's own."""

import logging
from typing import Final

from trainingjob.api.job import TrainingJob
from trainingjob.controller.kube import DEPLOYMENTS, SERVICES, KubeClient, Object, Resource
from trainingjob.controller.kube_errors import ConflictError, NotFoundError, RefusedError, TransientError
from trainingjob.controller.observe import controller_of

_IN_ORDER: Final = (SERVICES, DEPLOYMENTS)
"""The Service goes first: where one stands, its Deployment is taken to be there as well."""

logger = logging.getLogger(__name__)


async def delete_tensorboard(client: KubeClient, job: TrainingJob, name: str) -> None:
    """Delete what a job owns of its TensorBoard; it is gone afterwards, or nothing that this operator could have made.

    Raises:
        TransientError: when it is not known whether it is gone, or when it may not be deleted now.
    """
    for resource in _IN_ORDER:
        try:
            body = await client.get(resource, job.namespace, name)
        except NotFoundError:
            continue
        except RefusedError as error:
            # Where this right is missing none was created, or it was taken away since; nothing waits for it.
            logger.warning("The TensorBoard %s was not looked for: %s", name, error)
            continue
        if controller_of(body).get("uid") == job.uid:
            await _delete(client, resource, job, body)


async def _delete(client: KubeClient, resource: Resource, job: TrainingJob, body: Object) -> None:
    metadata = body["metadata"]
    try:
        await client.delete(resource, job.namespace, metadata["name"], metadata["uid"], 0)
    except NotFoundError:
        return
    except (ConflictError, RefusedError) as error:
        # The next look tells whether another object has the name by now.
        raise TransientError(str(error), status=error.status, reason=error.reason) from error
