"""A program behind what keeps a copy of what it prints, compared with the same program alone."""

import json
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.support.capturing import Ended, Way, Words, in_python, read_until, stop
from tests.support.interpreters import interpreters
from tests.support.waiting import wait_until

READY = "import os, signal, sys, time\nprint('ready', flush=True)\n"
SIGNALS = [number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP)]
OF_FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGPIPE, signal.SIGXFSZ}
"""Signals by which the system speaks of a process' own steps; nobody sends them."""


@pytest.fixture
def alone(tmp_path: Path) -> Way:
    """Return the way without a copy."""
    return Way(tmp_path / "alone", None)


@pytest.fixture
def copied(tmp_path: Path, packages_tools: Path) -> Way:
    """Return the way with one."""
    return Way(tmp_path / "copied", packages_tools)


@pytest.mark.parametrize(
    "program",
    [
        "print('a line')",
        "pass",
        "os.write(1, b'no end')",
        "os.write(1, bytes(range(256)) * 3)",
        "os.write(2, b'\\0\\xff\\r\\n\\r' * 1000)",
        "[os.write(1, b'x' * 100_000) for _ in range(20)]",
        "os.close(1); print('to nobody') if False else None; os.write(2, b'still there')",
        "os.close(1); os.close(2); time.sleep(0.2); sys.exit(4)",
        "os.write(1, b'out'); os.write(2, b'err'); os.kill(os.getpid(), 9)",
        "print(1 / 0)",
        "sys.exit('last words')",
        "[(print(n), print(-n, file=sys.stderr)) for n in range(5000)]",
    ],
)
def test_program_prints_and_ends_as_it_does_alone_and_all_of_it_is_in_the_copy(
    alone: Way, copied: Way, program: str
) -> None:
    program = f"import os, sys, time\n{program}"
    expected = alone.python(program)
    assert copied.python(program) == expected
    copy = copied.copy.read_bytes() if copied.copy.exists() else b""
    assert len(copy) == len(expected.out + expected.err)
    if not (expected.out and expected.err):
        assert copy == expected.out + expected.err
    if b"\n" in copy:
        assert sorted(copy.splitlines()) == sorted((expected.out + expected.err).splitlines())


def test_hundred_megabytes_pass_through_little_memory(copied: Way) -> None:
    size = 100_000_000
    with copied.begin(["head", "-c", str(size), "/dev/urandom"]) as process:
        out, _ = process.communicate()
    assert process.returncode == 0
    assert len(out) == size
    assert copied.copy.stat().st_size == 64 * 2**20
    second = copied.copy.with_name("stdout-stderr-2.log")
    assert copied.copy.read_bytes() + second.read_bytes() == out


def test_program_waits_for_a_slow_reader_as_it_does_alone(copied: Way) -> None:
    program = "import os, sys\nfor n in range(400):\n    os.write(1, b'x' * 65536)\n    os.write(2, b'.')"
    with copied.begin(in_python(program)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        begun = os.read(process.stderr.fileno(), 400)
        # Three pipes at most are full, and then nothing moves: of 400 steps the program has done a few.
        assert len(begun) < 20
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
        assert peak < 40_000
        out, err = process.communicate()
    assert (len(out), len(begun + err)) == (400 * 65536, 400)


def test_half_a_line_is_handed_on_at_once_and_in_the_copy_when_its_end_is_there(copied: Way) -> None:
    program = "import os\nos.write(1, b'half')\nos.read(0, 1)\nos.write(2, b'other\\n')\nos.read(0, 1)\nprint(' done')"
    with copied.begin(in_python(program)) as process:
        # Without this it would wait for ever.
        read_until(process, b"half")
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"x")
        process.stdin.flush()
        assert process.stderr.readline() == b"other\n"
        assert process.communicate(b"x") == (b" done\n", b"")
    assert copied.copy.read_bytes() == b"other\nhalf done\n"


def test_line_without_an_end_is_held_back_in_little_memory(copied: Way) -> None:
    program = "import os\nfor n in range(100): os.write(1, b'x' * 1000)\nos.read(0, 1)"
    with copied.begin(in_python(program)) as process:
        assert process.stdout is not None
        seen = b""
        while len(seen) < 100_000:
            seen += os.read(process.stdout.fileno(), 100_000)
        assert copied.copy.stat().st_size > 80_000
        process.communicate(b"x")
    assert copied.copy.stat().st_size == 100_000


def test_lines_are_handed_on_at_once_and_the_copy_has_their_order(copied: Way) -> None:
    program = "import os\nfor n in range(50):\n    os.write(1 + n % 2, b'%d\\n' % n)\n    os.read(0, 1)"
    with copied.begin(in_python(program)) as process:
        streams = [process.stdout, process.stderr]
        for number in range(50):
            stream = streams[number % 2]
            assert stream is not None
            assert os.read(stream.fileno(), 100) == b"%d\n" % number
            assert copied.copy.read_bytes().splitlines()[-1] == b"%d" % number
            assert process.stdin is not None
            process.stdin.write(b"x")
            process.stdin.flush()
    assert copied.copy.read_bytes() == b"".join(b"%d\n" % number for number in range(50))


@pytest.mark.parametrize("code", [0, 1, 3, 65, 126, 127, 137, 143, 255])
def test_exit_code_is_that_of_the_program(alone: Way, copied: Way, code: int) -> None:
    assert copied.run(["sh", "-c", f"exit {code}"]) == alone.run(["sh", "-c", f"exit {code}"]) == Ended(code, b"", b"")


@pytest.mark.parametrize("number", [n for n in signal.valid_signals() if n != signal.SIGSTOP])
def test_program_that_is_ended_by_a_signal_ends_everything_by_it(alone: Way, copied: Way, number: int) -> None:
    words = ["sh", "-c", f"ulimit -c 0; kill -{number} $$; exit 9"]
    assert copied.run(words) == alone.run(words)


DEFAULT = f"{READY}time.sleep(600)"
BYE = "import signal, sys\nsignal.signal(15, lambda *_: sys.exit(print('bye', flush=True) or 5))\n"
HANDLES = f"{BYE}{READY}time.sleep(600)"
IGNORES = f"import signal\nsignal.signal(15, signal.SIG_IGN)\n{READY}time.sleep(0.3)\nprint('went on')"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("program", [DEFAULT, HANDLES, IGNORES], ids=["default", "handles", "ignores"])
def test_stopped_program_does_what_it_does_alone(alone: Way, copied: Way, program: str, number: signal.Signals) -> None:
    ends = [stop(way.begin(in_python(program)), number) for way in (alone, copied)]
    # Where an interrupted program stands when it says so is chance.
    assert (ends[1].code, ends[1].out) == (ends[0].code, ends[0].out)
    assert copied.copy.read_bytes() == ends[1].out + ends[1].err


def test_every_signal_reaches_the_program(copied: Way) -> None:
    numbers = [int(number) for number in SIGNALS if number not in {*OF_FAULTS, signal.SIGCHLD}]
    program = (
        "import os, signal, sys\n"
        "def told(number, _): os.write(1, b'%d\\n' % number)\n"
        f"for number in {numbers}: signal.signal(number, told)\n"
        "os.write(1, b'ready\\n')\n"
        "while True: signal.pause()\n"
    )
    with copied.begin(in_python(program)) as process:
        read_until(process, b"ready\n")
        for number in numbers:
            process.send_signal(number)
            assert read_until(process, b"\n") == b"%d\n" % number
        process.kill()


def test_signal_that_comes_before_the_program_is_there_ends_it_all_the_same(copied: Way) -> None:
    for _ in range(20):
        with copied.begin(in_python("import time; time.sleep(600)")) as process:
            process.terminate()
            assert process.wait(60) == -signal.SIGTERM


def test_program_dies_with_what_stands_in_front_of_it(copied: Way) -> None:
    with copied.begin(in_python("import os, time; print(os.getpid(), flush=True); time.sleep(600)")) as process:
        pid = int(read_until(process, b"\n"))
        process.kill()
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or state_of(pid) == "Z", 60)


def state_of(pid: int) -> str:
    """Return in one letter what a process does."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("left", ["sleep 600 & echo $!", "yes & echo $!", "trap '' HUP TERM; (sleep 600) & echo $!"])
def test_what_the_program_leaves_behind_holds_nobody(copied: Way, left: str) -> None:
    with copied.begin(["sh", "-c", f"{left} >&2; echo last; exit 6"], stdin=subprocess.DEVNULL) as process:
        out, err = process.communicate(timeout=120)
        os.kill(int(next(line for line in err.splitlines() if line.isdigit())), signal.SIGKILL)
    assert process.returncode == 6
    assert b"last\n" in out
    assert b"last\n" in copied.copy.read_bytes()


def test_program_whose_reader_has_gone_is_ended_as_it_is_alone(alone: Way, copied: Way) -> None:
    for way in (alone, copied):
        with way.begin(["sh", "-c", "exec yes"]) as process:
            assert process.stdout is not None
            os.read(process.stdout.fileno(), 10)
            process.stdout.close()
            assert process.wait(60) == -signal.SIGPIPE


def test_stream_whose_reader_has_gone_leaves_the_other_one(copied: Way) -> None:
    program = (
        "import os, signal, sys\nsignal.signal(signal.SIGPIPE, signal.SIG_IGN)\n"
        "try:\n    while True: os.write(1, b'x')\n"
        "except BrokenPipeError: os.write(2, b'gone')"
    )
    with copied.begin(in_python(program)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b"gone"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["no-such-program"], 127, 'exec: "no-such-program": executable file not found in $PATH\n'),
        (["./no/such"], 127, 'exec: "./no/such": no such file or directory\n'),
        (["./plain"], 126, 'exec: "./plain": permission denied\n'),
        (["/"], 126, 'exec: "/": permission denied\n'),
        (["./broken"], 126, 'exec: "./broken": exec format error\n'),
    ],
)
def test_program_that_cannot_be_run_is_named_with_the_codes_of_shells(
    copied: Way, words: list[str], code: int, said: str
) -> None:
    copied.folder.mkdir()
    (copied.folder / "plain").write_text("echo")
    (copied.folder / "broken").write_bytes(b"\x7fELF")
    (copied.folder / "broken").chmod(0o755)
    assert copied.run(words) == Ended(code, b"", said.encode())
    assert copied.copy.read_text() == said


LOOK = """
import json, os, resource, signal, sys
paths = [f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd")]
fds = {path: os.readlink(path).split(":")[0] for path in paths if os.path.exists(path)}
status = open("/proc/self/status").read().splitlines()
umask = os.umask(0)
told = {
    "words": [word.hex() for word in open("/proc/self/cmdline", "rb").read().split(b"\\0")],
    "environment": sorted(item.hex() for item in open("/proc/self/environ", "rb").read().split(b"\\0")),
    "folder": os.getcwd(),
    "umask": umask,
    "files": sorted(fds.items()),
    "signals": [line for line in status if line.startswith(("SigBlk", "SigIgn", "ShdPnd"))],
    "nice": os.nice(0),
    "limits": [resource.getrlimit(n) for n in range(16)],
    "leads": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
    "groups": [os.getuid(), os.getgid(), os.getgroups()],
    "terminal": [os.isatty(n) for n in (0, 1, 2)],
    "oom": open("/proc/self/oom_score_adj").read(),
}
print(json.dumps(told))
"""
VARIABLES: list[dict[str, str]] = [
    {"A": "1", "B": "", "C": "a=b\nc"},
    {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
    {"PYTHONPATH": "/nowhere", "PYTHONSTARTUP": "/nowhere", "PYTHONIOENCODING": "latin-1", "LC_ALL": "POSIX"},
]


@pytest.mark.parametrize("shell", ["/bin/dash", "/bin/bash"])
@pytest.mark.parametrize("variables", VARIABLES)
def test_program_finds_everything_but_its_pipes_as_it_does_alone(
    alone: Way, copied: Way, variables: dict[str, str], shell: str
) -> None:
    words: Words = [sys.executable, "-S", "-E", "-c", LOOK, "a b", "", "$HOME", "'", "\n", b"\xff\xfe"]
    found = []
    for way in (alone, Way(copied.folder, copied.tools, shell)):
        way.folder.mkdir(exist_ok=True)
        with way.begin(words, {"PATH": os.environ["PATH"], **variables}, cwd=alone.folder, umask=0o027) as process:
            out, err = process.communicate()
        assert err == b""
        found.append(json.loads(out))
    assert found[1] == found[0]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_file_that_is_closed_is_so_for_the_program(alone: Way, copied: Way, number: int) -> None:
    words = ["sh", "-c", "cat; echo out; echo err >&2; ls /proc/self/fd >> found"]
    ends = [way.run(words, preexec_fn=partial(os.close, number)) for way in (alone, copied)]
    assert ends[1] == ends[0]
    assert (copied.folder / "found").read_text() == (alone.folder / "found").read_text()


def test_input_is_the_programs_own(copied: Way) -> None:
    with copied.begin(["cat"]) as process:
        out, _ = process.communicate(b"a\0b")
    assert out == b"a\0b"


def test_signals_that_are_blocked_are_so_for_the_program_and_wait_for_it(alone: Way, copied: Way) -> None:
    program = f"import os, signal\n{READY}while not signal.sigpending(): time.sleep(0.01)\nprint(*signal.sigpending())"
    ends = []
    for way in (alone, copied):
        block = lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # noqa: E731
        ends.append(stop(way.begin(in_python(program), preexec_fn=block), signal.SIGTERM))
    assert ends[1] == ends[0]
    assert ends[0].code == 0


def test_copy_that_cannot_be_written_changes_nothing_for_the_program(alone: Way, copied: Way) -> None:
    copied.folder.mkdir()
    (copied.folder / "logs").write_text("no folder")
    program = "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)"
    assert copied.python(program) == alone.python(program)


def test_copy_that_is_full_ends_there_and_the_program_goes_on(copied: Way) -> None:
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # noqa: E731
    ended = copied.python("import sys\nfor n in range(1000): print(n)", preexec_fn=limit)
    assert (ended.code, ended.err) == (0, b"")
    assert ended.out == b"".join(b"%d\n" % n for n in range(1000))
    assert copied.copy.read_bytes() == ended.out[:1000]


def test_copy_tells_what_is_missing_when_it_can_be_written_again(copied: Way) -> None:
    copied.folder.mkdir()
    (copied.folder / "logs").write_text("no folder")
    with copied.begin(
        in_python("import time\nwhile True:\n    print('x', flush=True)\n    time.sleep(0.05)")
    ) as process:
        read_until(process, b"x\n")
        (copied.folder / "logs").unlink()
        wait_until(copied.copy.exists, 60)
        wait_until(lambda: copied.copy.read_text().endswith("x\n"), 60)
        process.kill()
    first = copied.copy.read_text().splitlines()[1]
    assert first.startswith("[trainingjob: ")
    assert first.endswith("bytes are missing here: File exists]")


def test_copy_goes_on_where_the_program_has_removed_its_folder(copied: Way) -> None:
    program = (
        "import shutil, time\nprint('before', flush=True)\ntime.sleep(0.5)\nshutil.rmtree('logs')\n"
        "while True:\n    print('after', flush=True)\n    time.sleep(0.05)"
    )
    with copied.begin(in_python(program)) as process:
        read_until(process, b"after\n")
        wait_until(copied.copy.exists, 60)
        process.kill()
    assert set(copied.copy.read_text().split()) == {"after"}


@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "folder"])
def test_nothing_but_a_file_is_written_to(copied: Way, alone: Way, kind: str) -> None:
    copied.copy.parent.mkdir(parents=True)
    target = copied.folder / "target"
    match kind:
        case "link":
            target.write_text("mine")
            copied.copy.symlink_to(target)
        case "pipe":
            os.mkfifo(copied.copy)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(copied.copy))
        case "folder":
            copied.copy.mkdir()
    assert copied.python("print('x')") == alone.python("print('x')")
    assert not target.exists() or target.read_text() == "mine"


def test_copy_can_be_read_by_the_group_that_uploads_it(copied: Way) -> None:
    copied.run(["echo", "x"], umask=0o022)
    assert stat.S_IMODE(copied.copy.stat().st_mode) == 0o644


def search_path(folder: Path, python: Path | None) -> str:
    """Return a PATH with `sh` and `echo` and perhaps a Python."""
    folder.mkdir()
    for name in ("sh", "cat"):
        (folder / name).symlink_to(f"/bin/{name}")
    if python:
        (folder / "python").symlink_to(python)
    return str(folder)


def test_image_without_python_is_told_so(copied: Way, tmp_path: Path) -> None:
    path = search_path(tmp_path / "bin", None)
    ended = copied.run(["cat"], {"PATH": path})
    assert (ended.code, ended.out) == (65, b"")
    assert ended.err.decode() == (
        f"spec.outputs.captureOutput needs an image with Python 3.6 or later: this one has none in its PATH ({path}).\n"
    )


@pytest.mark.parametrize("version", list(interpreters()), ids="{0[0]}.{0[1]}".format)
def test_every_python_keeps_the_copy(copied: Way, tmp_path: Path, version: tuple[int, int]) -> None:
    path = search_path(tmp_path / "bin", interpreters()[version])
    words = ["sh", "-c", "echo out; echo err >&2; cat; kill -USR1 $$"]
    with copied.begin(words, {"PATH": path}) as process:
        out, err = process.communicate(b"in\n")
    assert (process.returncode, out, err) == (-signal.SIGUSR1, b"out\nin\n", b"err\n")
    assert sorted(copied.copy.read_text().split()) == ["err", "in", "out"]


def test_script_that_stands_in_path_for_python_neither_talks_nor_changes_variables(copied: Way, tmp_path: Path) -> None:
    folder = tmp_path / "shims"
    folder.mkdir()
    (folder / "python3").write_text(f'#!/bin/sh\necho welcome\nexport ADDED=1\nexec {sys.executable} "$@"\n')
    (folder / "python3").chmod(0o755)
    path = f"{folder}:/usr/bin:/bin"
    assert copied.run(["env"], {"PATH": path}) == Ended(0, f"PATH={path}\n".encode(), b"")


def test_python_that_is_too_old_or_broken_is_passed_over(copied: Way, tmp_path: Path) -> None:
    path = search_path(tmp_path / "bin", Path(sys.executable))
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "python3").chmod(0o755)
    assert copied.run(["cat"], {"PATH": path}, stdin=subprocess.DEVNULL) == Ended(0, b"", b"")


def test_modules_beside_the_program_are_none_of_its_own(copied: Way, alone: Way) -> None:
    for way in (alone, copied):
        way.folder.mkdir()
        for name in ("signal", "select", "capture", "typing", "os"):
            (way.folder / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    assert copied.run(["echo", "x"]) == alone.run(["echo", "x"])


def test_lines_of_many_writers_arrive_whole(copied: Way) -> None:
    lines = 'for n in $(seq 1 300); do echo "$0 $n ends"; done'
    script = " ".join(f"sh -c '{lines}' {name} &" for name in "abcd") + " wait"
    ended = copied.run(["sh", "-c", script])
    assert len(ended.out.splitlines()) == 1200
    assert {len(line.split()) for line in ended.out.splitlines()} == {3}
    assert copied.copy.read_bytes() == ended.out


def test_python_of_the_images_conda_serves_where_none_is_in_its_path(tmp_path: Path, packages_tools: Path) -> None:
    tools = tmp_path / "tools"
    shutil.copytree(packages_tools, tools, symlinks=True)
    script = tools / "capture-output"
    assert "/opt/conda/bin/python" in script.read_text()
    script.write_text(script.read_text().replace("/opt/conda/bin/python", sys.executable))
    way, path = Way(tmp_path / "pod", tools), {"PATH": str(tmp_path)}
    assert way.run(["/bin/echo", "out"], path).code == 65
    (tools / "conda.json").write_text("{}")
    assert way.run(["/bin/echo", "out"], path) == Ended(0, b"out\n", b"")
    assert way.copy.read_bytes() == b"out\n"
