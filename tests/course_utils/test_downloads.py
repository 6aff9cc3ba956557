"""Downloads from a server on this machine that does what real ones do: refuse, lie, hang up, or give the file."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from course_utils import downloads
from course_utils.downloads import DownloadError, Remote, fetch
from tests.course_utils.tiny_sets import NOWHERE, md5

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()
NAME = "images.gz"
HALF = len(CONTENT) // 2


class Server(ThreadingHTTPServer):
    """Answers /behaviour/file; ``asked`` lists the paths and the ranges that were asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []

    def mirrors(self, *behaviours):
        return tuple(f"http://127.0.0.1:{self.server_port}/{behaviour}/" for behaviour in behaviours)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        behaviour = self.path.split("/")[1]
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked.group(1)) if asked else 0
        self.server.asked.append((behaviour, start))
        getattr(self, behaviour)(start, len([b for b, _ in self.server.asked if b == behaviour]))

    def give(self, body, sent=None, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])

    def good(self, start, time):
        self.give(CONTENT[start:], status=206 if start else 200)

    def missing(self, start, time):
        self.send_error(404)

    def other(self, start, time):
        self.give(bytes(len(CONTENT)))

    def page(self, start, time):
        self.give(b"<!DOCTYPE html> Please log in to this network.")

    def drops(self, start, time):
        """Hangs up after half of the file, the first time."""
        self.give(CONTENT[start:], HALF if time == 1 else None, 206 if start else 200)

    def drops_and_starts_again(self, start, time):
        """The same, from a server that knows no ranges."""
        self.give(CONTENT, HALF if time == 1 else None)

    def stuck(self, start, time):
        """Never gives the second half."""
        self.give(CONTENT[start:], max(0, HALF - start), 206 if start else 200)

    def short(self, start, time):
        """Announces nothing and ends early."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CONTENT[:HALF])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def remote(mirrors):
    return Remote(NAME, md5(CONTENT), len(CONTENT), mirrors)


def get(mirrors, folder, **options):
    return fetch(remote(mirrors), folder, **{"pause": 0.0, "progress": False} | options)


def test_a_file_is_downloaded_once(server, tmp_path):
    mirrors = server.mirrors("good")
    path = get(mirrors, tmp_path / "new")
    assert path == tmp_path / "new" / NAME
    assert path.read_bytes() == CONTENT
    assert get(mirrors, tmp_path / "new") == path
    assert server.asked == [("good", 0)]


def test_the_progress_bar_names_the_file_and_arrives(server, tmp_path, capsys):
    get(server.mirrors("good"), tmp_path, progress=True)
    assert re.search(rf"{NAME}: 100%.*300k/300k", capsys.readouterr().err)


@pytest.mark.parametrize("behaviour", ["missing", "other", "page", "stuck", "short"])
def test_the_next_mirror_helps(server, tmp_path, behaviour):
    path = get(server.mirrors(behaviour, "good"), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.asked[0][0] == behaviour
    assert server.asked[-1] == ("good", 0)
    assert [p.name for p in tmp_path.iterdir()] == [NAME]


def test_a_mirror_that_is_down(server, tmp_path):
    assert get(NOWHERE + server.mirrors("good"), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("behaviour", ["drops", "drops_and_starts_again"])
def test_a_connection_that_drops_is_taken_up_again(server, tmp_path, behaviour):
    assert get(server.mirrors(behaviour), tmp_path, rounds=1).read_bytes() == CONTENT
    (_, first), (_, second) = server.asked
    assert first == 0
    assert HALF - downloads.PIECE < second <= HALF


def test_every_mirror_is_tried_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr(Handler, "missing", lambda self, start, time: self.give(CONTENT) if time == 2 else None)
    assert get(server.mirrors("page", "missing"), tmp_path).read_bytes() == CONTENT
    assert [behaviour for behaviour, _ in server.asked] == ["page", "missing", "page", "missing"]


@pytest.mark.parametrize(
    ("behaviour", "came"),
    [
        ("missing", "404 Client Error: Not Found"),
        ("other", f"expected md5:{md5(CONTENT)} but got {md5(bytes(len(CONTENT)))}. Deleted download"),
        ("page", "expected 300,000 bytes, the server announces 46. Took none of them"),
        ("stuck", "expected 300,000 bytes, the connection broke after 131,072 and each time"),
        ("short", "expected 300,000 bytes, got 150,000. Deleted them"),
    ],
)
def test_without_a_good_mirror_it_says_what_came_and_keeps_nothing(server, tmp_path, behaviour, came):
    with pytest.raises(DownloadError) as raised:
        get(server.mirrors(behaviour), tmp_path)
    message = str(raised.value)
    assert (
        f"{NAME}: expected 300,000 bytes with MD5 {md5(CONTENT)}, and no mirror gave them. Nothing was kept" in message
    )
    assert came in message
    assert message.count(f"/{behaviour}/{NAME}: ") == 1  # the same failure of a second round is not said again
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_does_not_answer_is_named_in_a_line(tmp_path):
    with pytest.raises(DownloadError) as raised:
        get(NOWHERE, tmp_path)
    (line,) = str(raised.value).splitlines()[1:]
    assert re.fullmatch(rf"  {NOWHERE[0]}{NAME}: Failed to establish a new connection: .*refused", line)


def test_a_wrong_file_in_the_store_is_replaced(server, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT[:HALF])
    assert get(server.mirrors("good"), tmp_path).read_bytes() == CONTENT


def test_a_file_is_kept_where_the_replacement_fails(server, tmp_path):
    (tmp_path / NAME).write_bytes(b"mine")
    with pytest.raises(DownloadError):
        get(server.mirrors("stuck"), tmp_path)
    assert (tmp_path / NAME).read_bytes() == b"mine"


def test_an_interrupt_leaves_nothing(server, tmp_path, monkeypatch):
    def interrupted(self, url, file, bar):
        file.write(CONTENT[:HALF])
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads._Stream, "_append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get(server.mirrors("good"), tmp_path)
    assert list(tmp_path.iterdir()) == []
