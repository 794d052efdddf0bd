"""Build tool sets into the shared cache, two at a time, once for all processes that ask at the same time."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from devtools.cluster.golang import environment, find_go
from devtools.cluster.toolsets import ToolSet
from devtools.locking import locked
from devtools.paths import cache_root
from devtools.progress import Progress
from devtools.shell import end_running, run

_BUILDERS = 2


def in_parallel(jobs: Sequence[Callable[[], object]], workers: int | None = None) -> None:
    """Run the jobs in threads, in the order given as workers become free, and raise the first failure.

    A keyboard interrupt ends the programs that they run, so that nobody waits for them.
    """
    with ThreadPoolExecutor(max_workers=workers or max(1, len(jobs))) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            wait(futures)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_running()
            raise
        for future in futures:
            future.result()


def ensure(sets: Sequence[ToolSet], progress: Progress) -> dict[str, Path]:
    """Return the folder of the programs of each set by its name, and build first what is missing.

    Raises:
        StepFailed: when a build fails.
    """
    missing = [tools for tools in sets if not tools.home().exists()]
    if missing:
        go = find_go(progress)
        in_parallel([partial(_build, tools, go, progress) for tools in missing], _BUILDERS)
    return {tools.name: tools.home() for tools in sets}


def _build(tools: ToolSet, go: str, progress: Progress) -> None:
    home = tools.home()
    lock = home.parent / f".{home.name}.lock"
    with locked(lock, lambda: progress.say(f"another command builds {tools.name} {tools.version}; waiting for it")):
        if home.exists():
            return
        log = cache_root() / "tools" / "logs" / f"{home.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")
        for abandoned in home.parent.glob(f".{home.name}-*"):
            shutil.rmtree(abandoned)
        with (
            progress.step(f"build {tools.name} {tools.version}", tools.expected, log),
            tempfile.TemporaryDirectory(dir=home.parent, prefix=f".{home.name}-") as folder,
        ):
            output = Path(folder) / "bin"
            output.mkdir()
            words = [go, "build", *tools.build_arguments(), "-o", f"{output}{os.sep}", *tools.packages]
            run(words, cwd=tools.directory, env=environment(), log=log)
            output.chmod(0o755)
            output.rename(home)
