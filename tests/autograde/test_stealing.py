"""Submissions that look for what is not theirs. What they print is searched for it, and for what they boast of."""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections import namedtuple

import pytest

from autograde import execute
from autograde.course import Limits
from autograde.sandbox.session import Warm
from tests.autograde import attacks
from tests.autograde.conftest import ROOT, needs_isolation

pytestmark = [needs_isolation, pytest.mark.xdist_group("stealing")]

CANARY = "a canary that sings to whoever finds it"
LIMITS = Limits(cell_seconds=30, submission_seconds=120, output_characters=2_000_000)
CIPHER = bytes((number + 91) % 256 for number in range(256))
HINT = "Your kernel lies backwards: its last entry meets"  # begins a hint in course_utils.exercises

Host = namedtuple("Host", "folder home port socket visitors")


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A machine with things to steal: files, a home, an environment, and services that tell them to whoever asks."""
    folder, home = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("home")
    for name in ("gradebook.db", "secret.txt", "outcomes.jsonl", "lesson.ipynb"):
        (folder / name).write_text(CANARY)
    (home / ".ssh").mkdir()
    (home / ".ssh/id_rsa").write_text(CANARY)
    before = dict(os.environ)
    os.environ |= {"AUTOGRADE_CANARY": CANARY, "HOME": str(home)}
    execute._warm.cache_clear()  # the next warm process is started from this environment
    name = f"autograde-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        visitors = []
        listening = [_listen(("0.0.0.0", 0)), _listen("\0" + name), _listen(str(folder / "socket"))]
        for each in listening:
            stack.enter_context(each)
            threading.Thread(target=_tell, args=[each, visitors], daemon=True).start()
        yield Host(folder, home, listening[0].getsockname()[1], name, visitors)
    os.environ.clear()
    os.environ |= before


def _listen(address):
    listening = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    listening.bind(address)
    listening.listen()
    return listening


def _tell(listening, visitors):
    with contextlib.suppress(OSError):
        while True:
            visitor, _ = listening.accept()
            visitors.append(visitor)
            visitor.sendall(CANARY.encode())
            visitor.close()


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def aimed(path, host):
    """An attack that knows where to look."""
    own = "Whether two arrays hold the same numbers."  # is in a cell that the student's process runs
    tests = ["numbers = np.arange(6.0).reshape(2, 3)", "a string is no list of words"]
    treasures = [own, attacks.SECRET, CANARY, HINT, *tests]
    known = {
        "HOST_FOLDER": host.folder,
        "HOST_HOME": host.home,
        "HOST_PORT": host.port,
        "HOST_SOCKET": host.socket,
        "HOST_ADDRESS": own_address(),
        "HINT_OF_A_MISTAKE": HINT,
        "(TREASURES_ENCIPHERED)": repr([words.encode().translate(CIPHER).hex() for words in treasures]),
    }
    text = path.read_text()
    for word, value in known.items():
        text = text.replace(word, str(value))
    return attacks.parse(text, path.stem)


def printed(graded):
    texts = [o.get("text", "") for outputs in graded.execution.outputs.values() for o in outputs]
    return "".join(texts)


def every():
    return [pytest.param(path, id=path.stem) for path in sorted((attacks.FOLDER / "stealing").glob("*.py"))]


@pytest.mark.parametrize("path", every())
def test_it_finds_nothing(path, host):
    attack = aimed(path, host)
    graded = attacks.grade(attack.notebook(), LIMITS)
    said = printed(graded)
    assert "There was more output" not in said
    assert [line for line in said.splitlines() if line.startswith("REACHED")] == []
    for treasure in (CANARY, HINT, attacks.SECRET, "np.arange(6.0).reshape", "assert close(", "BEGIN SOLUTION"):
        assert treasure not in said
    if path.stem == "memory_searched":
        assert "FOUND ITS OWN" in said
    assert host.visitors == []
    assert {cell: graded.points[cell] for cell in attack.due} == attack.due
    assert graded.execution.end == "finished", graded.execution.detail


def test_without_walls_all_of_it_is_found(host):
    """Else the tests above would prove nothing."""
    victim = subprocess.Popen(["sleep", "60"], env={"SECRET": CANARY})
    ways = [
        f"open('/proc/{victim.pid}/environ').read()",
        f"open('{host.folder}/gradebook.db').read()",
        f"open('{host.home}/.ssh/id_rsa').read()",
        f"__import__('socket').create_connection(('127.0.0.1', {host.port})).recv(100).decode()",
    ]
    for way in ways:
        attack = attacks.parse(f"# %%\nprint({way})")
        assert CANARY in printed(attacks.grade(attack.notebook(), LIMITS, isolated=False))
        assert CANARY not in printed(attacks.grade(attack.notebook(), LIMITS))
    victim.kill()
    victim.wait()
    host.visitors.clear()
    hint = "import course_utils.exercises.convolution as c, inspect\nprint(inspect.getsource(c))"
    assert HINT in printed(attacks.grade(attacks.parse(f"# %%\n{hint}").notebook(), LIMITS, isolated=False))


def test_a_submission_sees_nothing_of_another_that_runs_beside_it(host):
    leave = (
        "import os, socket, subprocess, sys\n"
        "for folder in ('/tmp', '/dev/shm', '.'):\n"
        f"    open(os.path.join(folder, 'autograde-theirs'), 'w').write({CANARY!r})\n"
        "services = [socket.socket(socket.AF_UNIX), socket.socket()]\n"
        "services[0].bind('\\0autograde-theirs')\n"
        "services[1].bind(('127.0.0.1', 47813))\n"
        "[service.listen() for service in services]\n"
        f"subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)', {CANARY!r}])\n"
    )
    look = (
        "import glob, os, socket\n"
        "print([p for p in glob.glob('/tmp/**', recursive=True) + os.listdir('/dev/shm') if 'theirs' in p])\n"
        "print([open(p).read() for p in glob.glob('/proc/*/cmdline') if 'canary' in open(p).read()])\n"
        "for family, address in ((socket.AF_UNIX, '\\0autograde-theirs'), (socket.AF_INET, ('127.0.0.1', 47813))):\n"
        "    print(socket.socket(family).connect_ex(address) == 0)\n"
    )
    warm = Warm()
    one, other = warm.fork(LIMITS), warm.fork(LIMITS)
    try:
        assert one.ask({"do": "cell", "source": leave}, deadline=time.monotonic() + 30).tree["failed"] == ""
        own = one.ask({"do": "cell", "source": look}, deadline=time.monotonic() + 30).tree["outputs"][0]["text"]
        seen = other.ask({"do": "cell", "source": look}, deadline=time.monotonic() + 30).tree["outputs"][0]["text"]
    finally:
        one.close()
        other.close()
        warm.stop()
    assert "autograde-theirs" in own and CANARY in own and own.endswith("True\nTrue\n")
    assert seen == "[]\n[]\nFalse\nFalse\n"


def test_what_is_shown_of_the_disk_holds_no_course():
    from autograde.sandbox import view

    shown = [*view.python_paths(), *view.SYSTEM]
    for path in (ROOT / "solutions", ROOT / "tests", ROOT / "class", ROOT / ".git"):
        assert not any(path.is_relative_to(each) for each in shown)
