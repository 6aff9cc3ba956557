"""What a submission can see of the disk: Python and what it needs, read-only, and nothing else."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograde.sandbox import kernel

SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
PARTS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "include", "share", "etc", "ssl", "pyvenv.cfg")
SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "mime.types")
DEVICES = ("null", "full", "random", "urandom")  # not zero: mapped, it is memory that is in no process's addresses
WRITTEN = {
    "etc/passwd": "student:x:1000:1000:student:/tmp/home:/bin/sh\n",
    "etc/group": "student:x:1000:\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


def enter(folder: str, shown: Iterable[str], masked: Iterable[str]) -> None:
    """Make a root of its own for this process and its children in an empty folder; ``masked`` folders look empty."""
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,mode=755")
    root = Path(folder)
    _folder(root / "tmp")  # before what is shown: Python itself may lie there
    kernel.mount("tmpfs", str(root / "tmp"), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=32m,mode=1777")
    for path in outermost([*_existing(SYSTEM), *(f"/etc/{name}" for name in SETTINGS), *shown]):
        _show(root, path)
    for path in masked:
        if (root / path.lstrip("/")).is_dir():
            kernel.mount("tmpfs", str(root / path.lstrip("/")), "tmpfs", kernel.MS_RDONLY, "size=4k,mode=755")
    _devices(root)
    for name, text in WRITTEN.items():
        _parents(root / name)
        (root / name).write_text(text)
    for name in ("proc", "old"):
        _folder(root / name)
    kernel.mount("/proc", str(root / "proc"), "", kernel.MS_BIND | kernel.MS_REC)
    kernel.pivot_root(folder, str(root / "old"))
    os.chdir("/")
    kernel.unmount("/old")
    Path("/old").rmdir()
    kernel.mount("none", "/", "", kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID)


def python_paths() -> tuple[str, ...]:
    """Where this Python, its library, its packages and programs lie; nothing else that may be beside them."""
    prefixes = dict.fromkeys(["/usr", "/usr/local", sys.base_prefix, sys.prefix])
    found = [f"{prefix}/{part}" for prefix in prefixes for part in PARTS]
    found += [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [entry for entry in sys.path if "site-packages" in entry or "dist-packages" in entry]
    return tuple(outermost(_existing([*found, os.path.realpath(sys.executable)])))


def _existing(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if Path(path).exists()]


def outermost(paths: Iterable[str]) -> Iterator[str]:
    """The paths that lie in no other one of them."""
    kept: list[Path] = []
    for path in sorted({Path(p) for p in paths}, key=lambda p: len(p.parts)):
        if not any(path.is_relative_to(other) and not other.is_symlink() for other in kept):
            kept.append(path)
            yield str(path)


def _show(root: Path, path: str) -> None:
    source, target = Path(path), root / path.lstrip("/")
    if source.is_symlink():
        _parents(target)
        target.symlink_to(source.readlink())
        return
    if not source.exists():
        return
    if source.is_dir():
        _folder(target)
    else:
        _parents(target)
        target.touch()
    kernel.mount(path, str(target), "", kernel.MS_BIND | kernel.MS_REC)
    kernel.make_read_only(str(target))


def _devices(root: Path) -> None:
    _folder(root / "dev/shm")
    kernel.mount("tmpfs", str(root / "dev/shm"), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,mode=1777")
    for name in DEVICES:
        (root / "dev" / name).touch()
        kernel.mount(f"/dev/{name}", str(root / "dev" / name), "", kernel.MS_BIND)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (root / "dev" / name).symlink_to(f"/proc/self/fd/{number}")
    (root / "dev/fd").symlink_to("/proc/self/fd")


def _parents(path: Path) -> None:
    _folder(path.parent)


def _folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
