"""One notebook, run from the first cell to the last in a kernel of its own. This is the seam of an isolated runner:
a job goes in and an execution comes out, both plain data that can cross a process."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Timer
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbgrader.preprocessors import Execute, LimitOutput
from traitlets.config import Config

from autograde import cells
from autograde.course import Limits

QUICK = ["--HistoryManager.enabled=False"]  # no database of past commands
NOT_RUN = "NotRun"  # the name of the error in a cell that was never reached


class End(StrEnum):
    """How an execution can end."""

    FINISHED = "finished"
    TIME = "time limit"
    DIED = "process died"


@dataclass(frozen=True)
class Job:
    """A notebook to run, with the files that lie beside it (name there → path here)."""

    student: str
    lesson: str
    notebook: str
    limits: Limits
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Execution:
    """A notebook after its run, with outputs; ``cell`` is the last one that was started, ``detail`` is for a log."""

    notebook: str
    end: End
    seconds: float
    cell: str = ""
    detail: str = ""


class _Specs(KernelSpecManager):
    """One kernel: this very Python, started with as little as possible, whatever is installed elsewhere."""

    def __init__(self, folder: Path, **traits: Any):
        super().__init__(**traits)
        self.folder = folder

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            argv=[
                sys.executable,
                "-m",
                "ipykernel_launcher",
                "-f",
                "{connection_file}",
                "--HistoryManager.enabled=False",
            ],
            display_name="Python",
            language="python",
            env={
                "IPYTHONDIR": str(self.folder / "ipython"),  # no start-up files of whoever grades
                "MPLBACKEND": "module://matplotlib_inline.backend_inline",
                "NBGRADER_EXECUTION": "autograde",
                "OMP_NUM_THREADS": "1",
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            },
        )


class _Runner(Execute):
    """nbgrader's own execution, in a kernel that talks through sockets in a folder instead of ports."""

    def __init__(self, folder: Path, limits: Limits):
        chosen = Config()
        chosen.Execute.update(
            timeout=limits.cell_seconds,
            iopub_timeout=15,
            startup_timeout=120,
            shutdown_kernel="immediate",
            coalesce_streams=True,
            skip_cells_with_tag=cells.SHOW,
        )
        super().__init__(config=chosen)
        self.folder = folder
        self.manager: AsyncKernelManager | None = None
        self.finished: set[str] = set()  # ids of the cells that ran to their end (an execution count says only: begun)

    def on_cell_executed(self, **message: Any) -> None:
        super().on_cell_executed(**message)
        self.finished.add(message["cell"].id)

    def create_kernel_manager(self) -> AsyncKernelManager:
        self.km = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=_Specs(self.folder),
            transport="ipc",
            connection_file=str(self.folder / "kernel.json"),
        )
        self.manager = self.km
        return self.km

    def kill(self) -> None:
        """End the kernel and all that it started in its group."""
        pid = getattr(self.manager and self.manager.provisioner, "pid", None)
        if pid:
            with suppress(OSError):  # it has ended
                os.killpg(pid, signal.SIGKILL)


def run(job: Job) -> Execution:
    """Run a job. Whatever the notebook does, an execution comes back."""
    notebook = cells.parse(job.notebook)
    started = time.monotonic()
    with _folder(job) as folder:
        runner = _Runner(folder.parent, job.limits)
        end, detail = _run(runner, notebook, folder, job.limits)
    unfinished = [cell for cell in notebook.cells if cell.id not in runner.finished and _has_code(cell)]
    stopped = unfinished[:1] or _interrupted(notebook)
    _mark(unfinished)
    if stopped and end is End.FINISHED:
        end = End.TIME
    shortened = cells.convert(notebook, [LimitOutput], Config(), {})
    last = ", ".join(map(cells.label, stopped))
    return Execution(cells.text(shortened), end, time.monotonic() - started, last, detail)


def _run(runner: _Runner, notebook: NotebookNode, folder: Path, limits: Limits) -> tuple[End, str]:
    with _alarm(runner, limits.submission_seconds) as alarm:
        try:
            runner.preprocess(notebook, {"metadata": {"path": str(folder)}})
        except CellTimeoutError as error:  # the cell did not even react to the interrupt
            return End.TIME, f"{type(error).__name__}"
        except (DeadKernelError, RuntimeError) as error:
            return (End.TIME if alarm.finished.is_set() else End.DIED), f"{type(error).__name__}: {error}"
        except Exception as error:  # a message that nbclient cannot make sense of: the notebook's doing
            return End.DIED, f"{type(error).__name__}: {error}"
    return End.FINISHED, ""


@contextmanager
def _folder(job: Job) -> Iterator[Path]:
    """A new working directory with a copy of the files; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="autograde-", ignore_cleanup_errors=True) as made:
        folder = Path(made) / "work"
        folder.mkdir()
        for name, path in job.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # one that may not be read is not there
                shutil.copyfile(path, folder / name)
        yield folder


@contextmanager
def _alarm(runner: _Runner, seconds: float) -> Iterator[Timer]:
    """Kill the kernel, and all that it started in its group, when the time is over; and in any case at the end."""
    alarm = Timer(seconds, runner.kill)
    alarm.daemon = True
    alarm.start()
    try:
        yield alarm
    finally:
        alarm.cancel()
        runner.kill()


def _has_code(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip()) and not cells.is_show(cell)


def _mark(unfinished: Iterable[NotebookNode]) -> None:
    """Cells that did not come to their end get an error: nbgrader counts a cell of tests without one as passed."""
    text = "This cell did not finish, or was never started."
    for cell in unfinished:
        error = {"output_type": "error", "ename": NOT_RUN, "evalue": text, "traceback": [text]}
        cell.outputs = [*cell.outputs, NotebookNode(error)]


def _interrupted(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that were interrupted because they ran too long."""
    errors = [(c, o) for c in notebook.cells for o in c.get("outputs", ()) if o.output_type == "error"]
    return [cell for cell, output in errors if output.ename == "CellTimeoutError"]
