"""System calls that no answer needs: refused by the kernel (seccomp), which makes what an attack can reach smaller."""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections.abc import Iterator, Mapping

from autograde.sandbox import kernel

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Numbers from the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
REFUSED: Mapping[str, tuple[int, int]] = {  # name: (x86_64, aarch64); -1 where there is none
    "shmget": (29, 194),
    "semget": (64, 190),  # what it takes of the kernel's memory is nobody's
    "msgget": (68, 186),
    "ptrace": (101, 117),
    "syslog": (103, 116),
    "modify_ldt": (154, -1),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "acct": (163, 89),
    "mount": (165, 40),
    "umount2": (166, 39),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "iopl": (172, -1),
    "ioperm": (173, -1),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "quotactl": (179, 60),
    "io_setup": (206, 0),  # the whole machine has few
    "mq_open": (240, 180),
    "kexec_load": (246, 104),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "finit_module": (313, 273),
    "memfd_create": (319, 279),  # memory that is in no process's addresses
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
    "quotactl_fd": (443, 443),
    "memfd_secret": (447, 447),
}
_CLONE, _CLONE3 = (56, 220), 435  # clone3's flags lie in memory, where a filter cannot look: the C library falls back
_ANY_NAMESPACE = 0x7E020000
_SOCKET, _SOCKETPAIR = (41, 198), (53, 199)
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)  # others may reach past the network's namespace
_PRLIMIT = (302, 261)
_MMAP = (9, 222)
_SHARED_ANONYMOUS = 0x21  # MAP_SHARED and MAP_ANONYMOUS: such memory outlives being unseen in a process's addresses

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCH = 0, 4  # where they lie in struct seccomp_data
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000
_PR_SET_SECCOMP, _FILTER = 22, 2

Steps = list[bytes]


def program(machine: str) -> bytes:
    """The filter, as the kernel's virtual machine reads it."""
    column = 0 if machine == "x86_64" else 1
    steps = [
        _step(_LOAD, _ARCH),
        _step(_EQUAL, _ARCHITECTURE[machine], 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _X32, 0, 1),  # calls of the x32 kind have their own numbers
        _refusal(errno.ENOSYS),
    ]
    for number in sorted(pair[column] for pair in REFUSED.values() if pair[column] >= 0):
        steps += _when(number, [_refusal(errno.EPERM)])
    steps += _when(_CLONE3, [_refusal(errno.ENOSYS)])
    steps += _when(_CLONE[column], [_argument(0), _step(_ANY_BIT, _ANY_NAMESPACE, 0, 1), _refusal(errno.EPERM), _PASS])
    steps += _when(_MMAP[column], list(_no_shared_memory()))
    steps += _when(_PRLIMIT[column], [_argument(0), _step(_EQUAL, 0, 1, 0), _refusal(errno.EPERM), _PASS])
    for call in (_SOCKET, _SOCKETPAIR):
        steps += _when(call[column], list(_only_known_families()))
    steps.append(_PASS)
    return b"".join(steps)


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)


_PASS = _step(_RETURN, _ALLOW)


def _refusal(number: int) -> bytes:
    return _step(_RETURN, _ERRNO | number)


def _argument(index: int) -> bytes:
    """Load the lower half of a call's argument."""
    return _step(_LOAD, 16 + 8 * index)


def _when(number: int, steps: Steps) -> Steps:
    """Steps for one call; they must return."""
    return [_step(_EQUAL, number, 0, len(steps)), *steps]


def _no_shared_memory() -> Iterator[bytes]:
    yield _argument(3)
    yield _step(_AND, _SHARED_ANONYMOUS)
    yield _step(_EQUAL, _SHARED_ANONYMOUS, 0, 1)
    yield _refusal(errno.EPERM)
    yield _PASS


def _only_known_families() -> Iterator[bytes]:
    yield _argument(0)
    for index, family in enumerate(FAMILIES):
        yield _step(_EQUAL, family, len(FAMILIES) - index, 0)
    yield _refusal(errno.EAFNOSUPPORT)
    yield _PASS


def install() -> None:
    """From here on, for this process and all that it starts. New privileges must be given up first."""
    steps = ctypes.create_string_buffer(program(kernel.machine()))
    header = struct.pack("HxxxxxxQ", (len(steps) - 1) // 8, ctypes.addressof(steps))
    buffer = ctypes.create_string_buffer(header)
    kernel.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.addressof(buffer))
