"""The text of every file that a component reads; nothing here touches the machine."""

import json
import shlex

from devtools.cluster.components import node_name
from devtools.cluster.state import State
from devtools.paths import cache_root

SANDBOX_IMAGE = "localhost/pause:1"
GPU = "nvidia.com/gpu"
GPUS_PER_NODE = "4"

AUDIT_POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
  userGroups: ["system:serviceaccounts:kube-system"]
- level: Metadata
  userGroups: ["system:serviceaccounts"]
- level: None
"""
"""Every write, and every request of a service account, so that its rights can be compared with what it uses."""

# What the kubelet sets for the whole machine. It finds its wish in files of its own and leaves the machine alone.
_KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def corefile(state: State) -> str:
    """Return CoreDNS's settings: the cluster's own names, a refusal for all others, nothing remembered."""
    return f""". {{
    bind {state.network.control_plane}
    errors
    ready {state.network.control_plane}:8181
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {state.directory / "coredns.kubeconfig"}
        pods insecure
        ttl 5
    }}
}}
"""


def resolv_conf(state: State) -> str:
    """Return the name server of pods that ask for the node's own."""
    return f"nameserver {state.network.control_plane}\n"


def control_plane_script(state: State) -> str:
    """Return what the control plane's first process does: it settles into its namespaces and then only waits."""
    return f"""set -e
mount --make-rslave /
mount -t proc proc /proc
hostname control-plane
echo 1 > /proc/sys/net/ipv4/ip_forward
exec {shlex.quote(state.program("pause", "pause"))}
"""


def boot_script(state: State, index: int) -> str:
    """Return what a node's first process does: its own /run, /var/lib and /var/log hide the machine's.

    The usual paths of kubelet and containerd are then a node's own, and the kernel removes every mount below them
    together with the node.
    """
    home = shlex.quote(str(state.directory / node_name(index)))
    cache = shlex.quote(str(cache_root()))
    settings = "\n".join(
        f"if [ -e /proc/sys/{name} ]; then echo {value} > {home}/sysctl/{name.replace('/', '.')}; "
        f"mount --bind {home}/sysctl/{name.replace('/', '.')} /proc/sys/{name}; fi"
        for name, value in _KERNEL_SETTINGS.items()
    )
    return f"""set -e
mount --make-rslave /
mount --make-rshared /
mount -t proc proc /proc
hostname {node_name(index)}
rm -rf {home}/run
mkdir -p {home}/run {home}/lib {home}/log {home}/sysctl
exec 9<{cache}
mount --bind {home}/lib /var/lib
mount --bind {home}/log /var/log
mount --bind {home}/run /run
# A cache folder below one of the three would be hidden now.
[ -e {home} ] || {{ mkdir -p {cache}; mount --bind /proc/self/fd/9 {cache}; }}
exec 9<&-
{settings}
echo 1 > /proc/sys/net/ipv4/ip_forward
exec {shlex.quote(state.program("pause", "pause"))}
"""


def containerd_settings(state: State, index: int, plugins: str) -> str:
    """Return containerd's settings.

    Args:
        plugins: the folder of the network plugins.
    """
    home = state.directory / node_name(index)
    return f"""version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
address = "/run/containerd/containerd.sock"

[plugins.'io.containerd.cri.v1.images']
snapshotter = "overlayfs"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{SANDBOX_IMAGE}"

[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["{plugins}"]
conf_dir = "{home / "cni"}"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def pod_network(state: State, index: int) -> str:
    """Return how pods are connected: each by a link of its own, so that no packet passes by the Services' rules."""
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": state.network.pods(index)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugins = [
        {"type": "ptp", "ipMasq": False, "ipam": addresses},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}, indent=2)


def kubelet_settings(state: State, index: int) -> str:
    """Return the kubelet's settings."""
    pki, name = state.directory / "pki", node_name(index)
    settings = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "authentication": {"x509": {"clientCAFile": str(pki / "ca.crt")}, "anonymous": {"enabled": False}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / f"{name}.crt"),
        "tlsPrivateKeyFile": str(pki / f"{name}.key"),
        "healthzBindAddress": "0.0.0.0",  # noqa: S104 - in namespaces of its own
        "clusterDNS": [state.network.control_plane],
        "clusterDomain": "cluster.local",
        "resolvConf": str(state.directory / "resolv.conf"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{state.key}-{index}",
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "maxPods": 200,
        # No image can be pulled again, so none is thrown away, and a fairly full disk is none of our business.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    }
    return json.dumps(settings, indent=2)


def proxy_settings(state: State, index: int) -> str:
    """Return kube-proxy's settings."""
    settings = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": node_name(index),
        "clientConnection": {"kubeconfig": str(state.directory / "kube-proxy.kubeconfig")},
        # What is not sent by the node's own pods gets the node's address, so that the answer comes back through it.
        "clusterCIDR": state.network.pods(index),
        "healthzBindAddress": "0.0.0.0:10256",
        "oomScoreAdj": 0,
        # The tables of connections are sized for the whole machine; a namespace may not change that.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
    return json.dumps(settings, indent=2)
