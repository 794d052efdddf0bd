"""MPI: the launcher, the workers, and what they find: hosts, slots, settings, keys."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import JOB_UID, make_job
from tests.support.pod_security import restricted_violations
from tests.support.pods import env_values, main_container, render_pods
from trainingjob.plan import Manifest, PlanOptions, PlanRefusedError, plan_job
from trainingjob.plan.mpi_scripts import FILES_PATH, PREPARE, RUN_PATH, WORKER

COMMAND = ["python", "train.py"]


def mpi_job(*, gpus: int = 0, spec: dict[str, Any] | None = None, **mpi: Any) -> dict[str, Any]:
    """Return the spec of an MPI job."""
    return {"command": COMMAND, "gpusPerWorker": gpus, "mpi": mpi, **(spec or {})}


def files_of(spec: dict[str, Any]) -> dict[str, str]:
    """Return the files of an MPI job."""
    (config_map,) = plan_job(make_job(spec=spec), PlanOptions()).config_maps
    return dict(config_map["data"])


def secret_items(pod: Manifest) -> set[str]:
    """Return the items of the Secret that a pod is given; empty when it mounts none."""
    volumes = [volume["secret"] for volume in pod["spec"]["volumes"] if "secret" in volume]
    return {item["key"] for secret in volumes for item in secret["items"]}


@pytest.mark.parametrize(
    ("implementation", "line"),
    [("OpenMPI", "{} slots={}"), ("IntelMPI", "{}:{}"), ("MPICH", "{}:{}")],
)
@pytest.mark.parametrize("launcher_runs_worker", [False, True])
@pytest.mark.parametrize(("slots", "gpus", "per_node"), [(None, 0, 1), (None, 4, 4), (3, 0, 3), (2, 4, 2)], ids=str)
def test_hostfile_names_every_node_with_its_slots(
    implementation: str, line: str, launcher_runs_worker: bool, slots: int | None, gpus: int, per_node: int
) -> None:
    spec = mpi_job(
        gpus=gpus,
        nodes=3,
        processesPerNode=slots,
        implementation=implementation,
        launcherRunsWorker=launcher_runs_worker,
    )
    names = ["launcher-0", "worker-0", "worker-1"] if launcher_runs_worker else ["worker-0", "worker-1", "worker-2"]
    expected = [line.format(f"mnist-{name}.mnist", per_node) for name in names]
    assert files_of(spec)["hostfile"].splitlines() == expected
    pods = render_pods(make_job(spec=spec))
    assert set(pods) == {"mnist-launcher-0", *(f"mnist-{name}" for name in names)}
    for pod in pods.values():
        env = env_values(pod)
        assert env["TRAININGJOB_PROCESSES"] == str(3 * per_node)
        assert env["TRAININGJOB_PROCESSES_PER_NODE"] == str(per_node)
        assert env["TRAININGJOB_HOSTFILE"] == "/etc/trainingjob/mpi/hostfile"
    launcher = main_container(pods["mnist-launcher-0"])
    assert launcher["command"][:3] == ["mpirun", "-np", str(3 * per_node)]
    assert launcher["command"][-2:] == COMMAND
    assert "limits" in launcher.get("resources", {}) or not (gpus and launcher_runs_worker)


@pytest.mark.parametrize(
    ("implementation", "expected"),
    [
        (
            "OpenMPI",
            {
                "OMPI_MCA_orte_default_hostfile": "/etc/trainingjob/mpi/hostfile",
                "PRTE_MCA_prte_default_hostfile": "/etc/trainingjob/mpi/hostfile",
                "OMPI_MCA_orte_keep_fqdn_hostnames": "1",
                "PRTE_MCA_prte_keep_fqdn_hostnames": "1",
                "OMPI_MCA_btl_tcp_if_include": "net1",
                "OMPI_MCA_oob_tcp_if_include": "net1",
                "PRTE_MCA_prte_if_include": "net1",
            },
        ),
        (
            "IntelMPI",
            {
                "I_MPI_HYDRA_HOST_FILE": "/etc/trainingjob/mpi/hostfile",
                "I_MPI_HYDRA_BOOTSTRAP": "ssh",
                "I_MPI_PERHOST": "2",
                "I_MPI_HYDRA_IFACE": "net1",
            },
        ),
        (
            "MPICH",
            {"HYDRA_HOST_FILE": "/etc/trainingjob/mpi/hostfile", "HYDRA_LAUNCHER": "ssh", "HYDRA_IFACE": "net1"},
        ),
    ],
)
def test_each_implementation_finds_its_hosts_and_interface_in_the_environment(
    implementation: str, expected: dict[str, str]
) -> None:
    spec = mpi_job(implementation=implementation, processesPerNode=2, networkInterface="net1")
    env = env_values(render_pods(make_job(spec=spec))["mnist-launcher-0"])
    assert expected.items() <= env.items()
    others = {"OMPI_": "OpenMPI", "PRTE_": "OpenMPI", "I_MPI_": "IntelMPI", "HYDRA_": "MPICH"}
    for prefix, owner in others.items():
        assert any(name.startswith(prefix) for name in env) == (owner == implementation)


@pytest.mark.parametrize(("implementation", "name"), [("IntelMPI", "I_MPI_HYDRA_IFACE"), ("MPICH", "HYDRA_IFACE")])
def test_daemons_of_hydra_call_the_launcher_by_its_address_on_the_pod_network(implementation: str, name: str) -> None:
    env = env_values(render_pods(make_job(spec=mpi_job(implementation=implementation)))["mnist-launcher-0"])
    assert env[name] == "eth0"
    assert "FI_TCP_IFACE" not in env


def test_variable_of_an_implementation_is_the_user_s_where_they_set_it() -> None:
    env = [{"name": "OMPI_MCA_hwloc_base_binding_policy", "value": "core"}]
    pod = render_pods(make_job(spec=mpi_job(spec={"env": env})))["mnist-worker-0"]
    assert [item for item in main_container(pod)["env"] if item["name"] == env[0]["name"]] == env


@pytest.mark.parametrize(
    ("command", "rewritten"),
    [
        (["python", "x.py"], True),
        (["/app/solver"], True),
        (["mpirun", "python", "x.py"], False),
        (["/usr/local/mpi/bin/mpirun", "x"], False),
        (["mpirun.openmpi", "x"], False),
        (["mpiexec.hydra", "x"], False),
        (["horovodrun", "-np", "2", "python", "x.py"], False),
        (["deepspeed", "x.py"], False),
        (["mpirunner", "x"], True),
    ],
    ids=str,
)
def test_program_runs_under_mpirun_unless_it_starts_its_processes_itself(command: list[str], rewritten: bool) -> None:
    job = make_job(command=command, args=["--more"], mpi={"nodes": 2})
    launcher = main_container(render_pods(job)["mnist-launcher-0"])
    assert launcher["command"] == (["mpirun", "-np", "2", *command] if rewritten else command)
    assert launcher["args"] == ["--more"]


@pytest.mark.parametrize(
    ("implementation", "own"), [("OpenMPI", []), ("IntelMPI", ["-genvnone"]), ("MPICH", ["-genvnone"])]
)
def test_further_arguments_stand_between_mpirun_and_the_program(implementation: str, own: list[str]) -> None:
    spec = mpi_job(implementation=implementation, args=["--tag-output", "--bind-to", "core"])
    launcher = main_container(render_pods(make_job(spec=spec))["mnist-launcher-0"])
    assert launcher["command"] == ["mpirun", "-np", "2", *own, "--tag-output", "--bind-to", "core", *COMMAND]


def test_launcher_that_runs_no_worker_gets_and_sees_no_gpu() -> None:
    pods = render_pods(make_job(spec=mpi_job(gpus=4)))
    assert "resources" not in main_container(pods["mnist-launcher-0"])
    assert env_values(pods["mnist-launcher-0"])["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert main_container(pods["mnist-worker-1"])["resources"]["limits"] == {"nvidia.com/gpu": "4"}


def test_launcher_that_runs_a_worker_gets_its_gpus() -> None:
    launcher = render_pods(make_job(spec=mpi_job(gpus=4, launcherRunsWorker=True)))["mnist-launcher-0"]
    assert main_container(launcher)["resources"]["limits"] == {"nvidia.com/gpu": "4"}
    assert "NVIDIA_VISIBLE_DEVICES" not in env_values(launcher)


def test_each_role_is_given_its_own_keys_alone() -> None:
    pods = render_pods(make_job(spec=mpi_job(nodes=64)))
    assert secret_items(pods["mnist-launcher-0"]) == {"client_key", "known_hosts"}
    assert secret_items(pods["mnist-worker-0"]) == {"host_key", "authorized_keys"}


def test_workers_hold_the_private_key_only_where_they_start_other_workers() -> None:
    worker = render_pods(make_job(spec=mpi_job(nodes=65)))["mnist-worker-0"]
    assert secret_items(worker) == {"host_key", "authorized_keys", "client_key", "known_hosts"}


def test_secret_of_an_attempt_is_named_after_it_and_mounted_by_the_preparation_alone() -> None:
    plan = plan_job(make_job(spec=mpi_job()), PlanOptions())
    (secret,) = plan.key_secrets(3)
    assert secret.manifest["metadata"]["name"] == f"mnist-{JOB_UID[:8]}-a3"
    assert secret.manifest["immutable"] is True
    assert "data" not in secret.manifest
    for replica in plan.replicas:
        pod = plan.render(replica, 3)
        (volume,) = (volume for volume in pod["spec"]["volumes"] if "secret" in volume)
        assert volume["secret"]["secretName"] == secret.manifest["metadata"]["name"]
        (preparation,) = pod["spec"]["initContainers"]
        assert volume["name"] in {mount["name"] for mount in preparation["volumeMounts"]}
        assert volume["name"] not in {mount["name"] for mount in main_container(pod)["volumeMounts"]}


def test_launcher_that_runs_every_process_itself_needs_no_keys_and_no_ssh() -> None:
    job = make_job(spec=mpi_job(nodes=1, launcherRunsWorker=True))
    assert plan_job(job, PlanOptions()).key_secrets(0) == ()
    pods = render_pods(job)
    assert set(pods) == {"mnist-launcher-0"}
    assert secret_items(pods["mnist-launcher-0"]) == set()
    assert files_of(mpi_job(nodes=1, launcherRunsWorker=True))["workers"] == ""


def test_worker_says_with_its_port_when_it_serves_and_the_launcher_needs_no_probe() -> None:
    pods = render_pods(make_job(spec=mpi_job()))
    assert main_container(pods["mnist-worker-0"])["startupProbe"]["tcpSocket"] == {"port": 2222}
    assert "startupProbe" not in main_container(pods["mnist-launcher-0"])


def test_preparation_is_restricted_sees_the_same_environment_and_holds_no_gpu() -> None:
    spec = mpi_job(
        gpus=2,
        spec={
            "env": [{"name": "PATH", "value": "/opt/mpi/bin:/usr/bin:/bin"}],
            "resources": {"limits": {"memory": "1Gi"}},
            "volumes": [{"name": "mpi", "emptyDir": {}}],
            "volumeMounts": [{"name": "mpi", "mountPath": "/opt/mpi"}],
        },
    )
    for pod in render_pods(make_job(spec=spec)).values():
        assert restricted_violations(pod) == []
        (preparation,) = pod["spec"]["initContainers"]
        main = main_container(pod)
        assert preparation["env"] == main["env"]
        assert preparation["image"] == main["image"]
        assert preparation["resources"] == {"limits": {"memory": "1Gi"}}
        assert "/opt/mpi" in {mount["mountPath"] for mount in preparation["volumeMounts"]}
        assert "/etc/passwd" not in {mount["mountPath"] for mount in preparation["volumeMounts"]}


def test_ssh_settings_concern_the_job_s_own_hosts_alone_and_trust_no_other_key() -> None:
    lines = files_of(mpi_job())["ssh_config"].splitlines()
    assert lines[0] == "Host mnist-*"
    assert "    StrictHostKeyChecking yes" in lines
    (secret,) = plan_job(make_job(spec=mpi_job()), PlanOptions()).key_secrets(0)
    assert secret.known_as == "[mnist-*]:2222"


def test_files_of_five_hundred_nodes_grow_with_their_number_alone() -> None:
    def size(nodes: int) -> int:
        return sum(map(len, files_of(mpi_job(nodes=nodes)).values()))

    once, twice = size(501) - size(500), size(1000) - size(500)
    assert twice == 500 * once
    pods = {len(str(pod)) for pod in render_pods(make_job(spec=mpi_job(nodes=500))).values()}
    assert max(pods) - min(pods) < 500


def test_more_hosts_than_a_config_map_can_name_are_refused_with_a_number_that_fits() -> None:
    name = "a" * 51
    with pytest.raises(PlanRefusedError) as refused:
        plan_job(make_job(name, spec=mpi_job(nodes=10_000)), PlanOptions())
    assert refused.value.reason == "HostfileTooLarge"
    fits = int(str(refused.value).split("can be about ")[1].split()[0])
    plan_job(make_job(name, spec=mpi_job(nodes=fits - 10)), PlanOptions())
    with pytest.raises(PlanRefusedError):
        plan_job(make_job(name, spec=mpi_job(nodes=fits + 100)), PlanOptions())


def test_what_ranks_write_is_as_readable_as_the_container_has_it_and_the_environment_is_private(tmp_path: Path) -> None:
    sshd = tmp_path / "sshd"
    sshd.write_text("#!/bin/sh\numask\n")
    sshd.chmod(0o755)
    script = WORKER.replace(RUN_PATH, str(tmp_path))
    variables = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SEED": "a b"}
    ended = subprocess.run(
        ["/bin/sh", "-c", f"umask 022; id() {{ echo 1000; }}; {script}"],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert int(ended.stdout, 8) == 0o022
    environment = tmp_path / "environment"
    assert environment.stat().st_mode & 0o777 == 0o600
    assert "SEED='a b'" in environment.read_text()


SCANS = """\
#!/bin/sh
# Stands in for ssh-keyscan: answers with those of the asked hosts that the next line of `rounds` names.
while [ $# -gt 1 ]; do shift; done
sort "$1" | tr '\\n' ' ' >> "$(dirname "$0")/asked" && echo >> "$(dirname "$0")/asked"
line=$(head -n 1 "$(dirname "$0")/rounds")
sed -i 1d "$(dirname "$0")/rounds"
for host in $line; do
    grep -q -x "$host" "$1" && echo "[$host]:2222 ssh-ed25519 KEY"
done
exit 0
"""


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        (["a b"], ["a b"]),
        (["a", "b", "a b"], ["a b", "b", "a b"]),
        (["a", "b", "b", "", "a", "a b"], ["a b", "b", "a b", "a", "a", "a b"]),
    ],
    ids=["all-at-once", "one-after-the-other", "one-was-gone-when-the-other-came"],
)
def test_launcher_begins_only_when_all_workers_answer_in_one_round(
    answers: list[str], asked: list[str], tmp_path: Path
) -> None:
    for name, text in {"ssh-keyscan": SCANS, "ssh": "", "sleep": "#!/bin/sh\n", "known_hosts": "h t KEY\n"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "workers").write_text("a\nb\n")
    (tmp_path / "rounds").write_text("".join(f"{line}\n" for line in answers))
    script = PREPARE.replace(RUN_PATH, str(tmp_path)).replace(FILES_PATH, str(tmp_path))
    ended = subprocess.run(
        ["/bin/sh", "-c", script, "prepare", "launcher", "OpenMPI", "cat"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1] == "All 2 workers accept connections."
    assert [line.strip() for line in (tmp_path / "asked").read_text().splitlines()] == asked
