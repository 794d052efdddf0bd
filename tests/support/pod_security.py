"""The Pod Security level `restricted`, as its published table reads: what is wrong with a pod, line by line."""

from collections.abc import Iterator
from typing import Any

Manifest = dict[str, Any]

VOLUME_TYPES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SECCOMP_TYPES = {"RuntimeDefault", "Localhost"}
SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


def restricted_violations(pod: Manifest) -> list[str]:
    """Return one line for each rule of the restricted level that a pod breaks."""
    spec = pod["spec"]
    context = spec.get("securityContext", {})
    found = [*_pod_violations(pod["metadata"], spec, context)]
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind, []):
            found += [f"{container['name']}: {line}" for line in _container_violations(container, context)]
    return found


def _pod_violations(metadata: Manifest, spec: Manifest, context: Manifest) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"{field} is true"
    for volume in spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        if not kinds or kinds - VOLUME_TYPES:
            yield f"volume {volume['name']} is a {'/'.join(kinds) or 'volume without a source'}"
    for name, value in metadata.get("annotations", {}).items():
        if name.startswith(APPARMOR_ANNOTATION) and not value.startswith(("runtime/default", "localhost/")):
            yield f"annotation {name} is {value}"
    for item in context.get("sysctls", []):
        if item["name"] not in SAFE_SYSCTLS:
            yield f"sysctl {item['name']}"
    yield from _shared_violations(context)


def _container_violations(container: Manifest, pod_context: Manifest) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("privileged"):
        yield "privileged is true"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities do not drop ALL"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities are added"
    if context.get("procMount", "Default") != "Default":
        yield "procMount is not Default"
    if context.get("runAsNonRoot", pod_context.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot is not true"
    seccomp = context.get("seccompProfile", pod_context.get("seccompProfile", {}))
    if seccomp.get("type") not in SECCOMP_TYPES:
        yield "seccompProfile is neither RuntimeDefault nor Localhost"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "hostPort is set"
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe, {}).get("httpGet", {}).get("host"):
            yield f"{probe} names a host"
    yield from _shared_violations(context)


def _shared_violations(context: Manifest) -> Iterator[str]:
    """Yield what is wrong with a securityContext, be it a pod's or a container's."""
    if context.get("runAsUser") == 0:
        yield "runAsUser is 0"
    if context.get("runAsNonRoot") is False:
        yield "runAsNonRoot is false"
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions are custom"
    if context.get("appArmorProfile", {}).get("type") == "Unconfined":
        yield "appArmorProfile is Unconfined"
    if context.get("seccompProfile", {}).get("type") == "Unconfined":
        yield "seccompProfile is Unconfined"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield "hostProcess is true"
