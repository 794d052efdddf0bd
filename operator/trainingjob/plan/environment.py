"""The environment of a training container: the operator's variables first, so that the user's may refer to them."""

from collections.abc import Collection

from trainingjob.api.job import TrainingJob
from trainingjob.plan.model import Manifest, Replica
from trainingjob.plan.volumes import HOME_PATH

HOME_VARIABLES = {"HOME": HOME_PATH, "USER": "trainingjob", "LOGNAME": "trainingjob"}
"""What programs need that look for their user in /etc/passwd, where a user id of our choice has no entry."""


def identity_variables(job: TrainingJob, replica: Replica, attempt: int) -> list[Manifest]:
    """Return the variables by which a process knows which one it is."""
    values = {
        "TRAININGJOB_NAME": job.name,
        "TRAININGJOB_NAMESPACE": job.namespace,
        "TRAININGJOB_ROLE": replica.role.value,
        "TRAININGJOB_INDEX": str(replica.index),
        "TRAININGJOB_ATTEMPT": str(attempt),
    }
    return _variables(values)


def home_variables(user_sets: Collection[str]) -> list[Manifest]:
    """Return HOME, USER and LOGNAME, save those that the user sets."""
    return _variables({name: value for name, value in HOME_VARIABLES.items() if name not in user_sets})


def _variables(values: dict[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in values.items()]
