"""PyTorch: workers that find worker 0, and torchrun where a node runs several processes or nodes may come and go."""

from trainingjob.api.constants import PREPARE_CONTAINER, TORCH_PORT
from trainingjob.api.job import TrainingJob
from trainingjob.api.process_strategies import Torch
from trainingjob.api.processes import processes_per_node
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.plan.layout import Layout, Preparation, Program, count_roles
from trainingjob.plan.model import Manifest
from trainingjob.plan.names import pod_name
from trainingjob.plan.role_spec import RoleSpec
from trainingjob.plan.torch_command import is_started_by_torchrun, under_torchrun

ELASTIC_RESTARTS = 100
"""How often torchrun starts the processes of a node anew: each loss of a node costs every other node one of them."""

_PORTS: tuple[Manifest, ...] = ({"name": "torch", "port": TORCH_PORT, "targetPort": TORCH_PORT},)

_WAIT_FOR_NAME = """\
# The name of worker 0 is known a moment after its pod has an address, and PyTorch asks for it only once.
command -v getent > /dev/null || exit 0
until getent hosts "$1" > /dev/null; do sleep 0.2; done
"""


def lay_out_torch(job: TrainingJob, spec: TrainingJobSpec, torch: Torch) -> Layout:
    """Return the layout of a PyTorch job; worker 0, whose first process is rank 0, decides its end."""
    per_node = processes_per_node(spec)
    master = f"{pod_name(job.name, Role.WORKER, 0)}.{job.name}"

    def tell(_role: Role, index: int) -> list[Manifest]:
        values = {
            **_backend(spec, torch),
            **(_elastic(job, torch, master, index) if torch.elastic else _fixed(torch, master, per_node, index)),
            "PET_NPROC_PER_NODE": str(per_node),
        }
        return [{"name": name, "value": value} for name, value in values.items()]

    def program(_role: Role, chosen: RoleSpec) -> Program:
        command, args = chosen.command, chosen.args
        if command and (per_node > 1 or torch.elastic) and is_started_by_torchrun([*command, *(args or ())]):
            command, args = under_torchrun([*command, *(args or ())]), None
        alone = torch.nodes == 1 and not torch.elastic
        wait = None if alone else Preparation(PREPARE_CONTAINER, ["/bin/sh", "-c", _WAIT_FOR_NAME, "prepare", master])
        return Program(command, args, wait)

    return Layout(
        counts=count_roles(workers=torch.nodes),
        primary=Role.WORKER,
        tell=tell,
        ports=_PORTS,
        program=program,
        # Worker 0 holds the store by which the others find one another.
        replaceable=lambda _role, index: torch.elastic is not None and index > 0,
    )


def _fixed(torch: Torch, master: str, per_node: int, index: int) -> dict[str, str]:
    """Return the variables of a fixed group; torchrun tells its processes their own RANK, WORLD_SIZE and LOCAL_RANK."""
    alone = {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"} if per_node == 1 else {}
    return {
        "MASTER_ADDR": master,
        "MASTER_PORT": str(TORCH_PORT),
        "WORLD_SIZE": str(torch.nodes * per_node),
        "RANK": str(index * per_node),
        **alone,
        "PET_NNODES": str(torch.nodes),
        "PET_NODE_RANK": str(index),
        "PET_MASTER_ADDR": master,
        "PET_MASTER_PORT": str(TORCH_PORT),
    }


def _elastic(job: TrainingJob, torch: Torch, master: str, index: int) -> dict[str, str]:
    """Return the variables of a group that may shrink and grow; ranks are given anew with every change."""
    if torch.elastic is None:
        return {}
    return {
        "PET_NNODES": f"{torch.elastic.min_nodes}:{torch.elastic.max_nodes}",
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ENDPOINT": f"{master}:{TORCH_PORT}",
        "PET_RDZV_ID": job.uid,
        # Worker 0 need not find out by a look-up of its own name that the store is to stand there.
        "PET_RDZV_CONF": f"is_host={int(index == 0)}",
        "PET_MAX_RESTARTS": str(ELASTIC_RESTARTS),
    }


def _backend(spec: TrainingJobSpec, torch: Torch) -> dict[str, str]:
    backend = torch.backend or ("nccl" if spec.gpus_per_worker else "gloo")
    return {"TRAININGJOB_TORCH_BACKEND": backend, "PL_TORCH_DISTRIBUTED_BACKEND": backend}
