"""TensorBoards: a Deployment and a Service, deleted when they are the job's own."""

import logging
from typing import Final

from trainingjob.api.job import TrainingJob
from trainingjob.controller.kube import DEPLOYMENTS, SERVICES, KubeClient
from trainingjob.controller.kube_errors import ConflictError, NotFoundError, RefusedError
from trainingjob.controller.observe import controller_of

_IN_ORDER: Final = (SERVICES, DEPLOYMENTS)
"""The Service goes first: where one stands, its Deployment is taken to be there as well."""

logger = logging.getLogger(__name__)


async def delete_tensorboard(client: KubeClient, job: TrainingJob, name: str) -> None:
    """Delete what a job owns of its TensorBoard; it is gone afterwards, or nothing that this operator could delete.

    Raises:
        TransientError: when it is not known whether it is gone.
    """
    for resource in _IN_ORDER:
        try:
            body = await client.get(resource, job.namespace, name)
            if controller_of(body).get("uid") == job.uid:
                await client.delete(resource, job.namespace, name, body["metadata"]["uid"], 0)
        except (NotFoundError, ConflictError):
            continue
        except RefusedError as error:
            # Where the right is missing none was created, or it was taken away since; nothing waits for it.
            logger.warning("The TensorBoard %s was not deleted: %s", name, error)
