"""The fixed shell scripts of an MPI job's pods: nothing that a user writes becomes part of their text.

They use what POSIX demands of a shell and OpenSSH's own programs, so that any image with sshd, ssh and an MPI will do.
"""

from trainingjob.api.constants import (
    SSH_AUTHORIZED_KEYS,
    SSH_CLIENT_KEY,
    SSH_HOST_KEY,
    SSH_KNOWN_HOSTS,
    SSH_PORT,
)

FILES_PATH = "/etc/trainingjob/mpi"
"""Where the job's ConfigMap stands: host names, scripts and settings."""

KEYS_PATH = "/etc/trainingjob/keys"
"""Where the Secret stands while a pod prepares itself."""

RUN_PATH = "/run/trainingjob"
"""Memory of the pod's own: its keys with modes that OpenSSH accepts, its /etc/passwd, its environment."""

USER = "trainingjob"
"""The name of the pod's user, whichever its number: launcher and workers must agree on one."""

PREPARE = f"""\
# Makes a pod of an MPI job ready: `prepare.sh worker`, or `prepare.sh launcher IMPLEMENTATION PROGRAM`.
set -eu
umask 077
run={RUN_PATH}

fail() {{
    code=$1
    shift
    echo "$*" >&2
    exit "$code"
}}

# The shell of an image's own entry may be nologin and its user may have no entry at all: ours comes first.
{{
    echo "{USER}:x:$(id -u):$(id -g):TrainingJob:${{HOME:-/}}:/bin/sh"
    cat /etc/passwd 2>/dev/null || :
}} > "$run/passwd"
chmod 644 "$run/passwd"
# ssh refuses a private key that others could read, and a mounted Secret belongs to root.
for key in {SSH_CLIENT_KEY} {SSH_AUTHORIZED_KEYS} {SSH_HOST_KEY} {SSH_KNOWN_HOSTS}; do
    if [ -e "{KEYS_PATH}/$key" ]; then
        cat "{KEYS_PATH}/$key" > "$run/$key"
    fi
done

if [ "$1" = worker ]; then
    command -v sshd > /dev/null || [ -x /usr/sbin/sshd ] ||
        fail 127 "The image has no sshd: a worker of an MPI job needs an OpenSSH server (openssh-server)."
    exit 0
fi

implementation=$2 program=$3
command -v "$program" > /dev/null || fail 127 "The image has no $program in its PATH ($PATH)."
case ${{program##*/}} in
mpirun* | mpiexec*)
    said=$("$program" --version 2>&1 || :)
    case $said in
    *"Open MPI"* | *OpenRTE* | *"Open RTE"* | *PRRTE*) found=OpenMPI ;;
    *"Intel(R) MPI"*) found=IntelMPI ;;
    *HYDRA* | *MPICH*) found=MPICH ;;
    *) found=$implementation ;;
    esac
    [ "$found" = "$implementation" ] ||
        fail 1 "spec.mpi.implementation is $implementation and the image's $program is $found: set it to $found."
    ;;
esac
[ -s "{FILES_PATH}/workers" ] || exit 0
command -v ssh > /dev/null && command -v ssh-keyscan > /dev/null ||
    fail 127 "The image has no ssh: the launcher of an MPI job needs an OpenSSH client (openssh-client)."

# A worker is there when it shows the key that this attempt was given; a name that resolves says nothing yet. Who has
# answered long ago may be gone since: they all have to answer in one round.
key=$(cut -d ' ' -f 3 "$run/{SSH_KNOWN_HOSTS}")
total=$(wc -l < "{FILES_PATH}/workers")
round=0
while :; do
    [ -s "$run/missing" ] || cat "{FILES_PATH}/workers" > "$run/missing"
    asked=$(wc -l < "$run/missing")
    ssh-keyscan -T 5 -t ed25519 -p {SSH_PORT} -f "$run/missing" 2> /dev/null |
        grep -F " $key" | sed 's/^\\[//; s/\\].*//' > "$run/answered" || :
    grep -v -x -F -f "$run/answered" "$run/missing" > "$run/still" || :
    mv "$run/still" "$run/missing"
    if [ ! -s "$run/missing" ]; then
        [ "$asked" != "$total" ] || break
        continue
    fi
    if [ $((round % 10)) = 0 ]; then
        echo "Waiting for $(wc -l < "$run/missing") of $total workers: $(head -n 3 "$run/missing" | tr '\\n' ' ')"
    fi
    round=$((round + 1))
    sleep 1
done
rm -f "$run/missing" "$run/answered"
echo "All $total workers accept connections."
"""

WORKER = f"""\
# Serves the ranks of an MPI job: sshd for as long as the pod lives.
# ssh forgets the container's variables; the sessions read them here. The file alone is private: sshd hands its umask
# on to the ranks, whose files are for others to read, such as the sidecar that uploads them.
(umask 077 && export -p > {RUN_PATH}/environment)
if [ "$(id -u)" = 0 ]; then
    mkdir -p /run/sshd && chmod 755 /run/sshd
fi
# sshd runs itself anew for each connection and wants to be called by its whole path.
sshd=$(command -v sshd || echo /usr/sbin/sshd)
"$sshd" -D -e -f {FILES_PATH}/sshd_config
code=$?
echo "sshd has ended with exit code $code." >&2
# No end of a worker is a success: the launcher decides that.
[ "$code" != 0 ] || code=1
exit "$code"
"""

SESSION = f"""\
# What sshd runs for each connection: the command that came with it, in the environment and folder of the container.
. {RUN_PATH}/environment
cd "${{PWD:-/}}" 2> /dev/null || :
exec /bin/sh -c "${{SSH_ORIGINAL_COMMAND:-exec /bin/sh}}"
"""

DISCOVER_HOSTS = f"""\
#!/bin/sh
# Prints `host:slots` for every worker that accepts a connection now: for `horovodrun --host-discovery-script`.
ssh-keyscan -T 5 -t ed25519 -p {SSH_PORT} -f {FILES_PATH}/workers 2> /dev/null |
    sed -n "s/^\\[\\([^]]*\\)\\].*/\\1:$TRAININGJOB_PROCESSES_PER_NODE/p"
"""
