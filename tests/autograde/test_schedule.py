import os
import time
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from pathlib import Path

from autograde import schedule

PROCESSES = schedule.processes("autograde.schedule")


def double(number):
    return 2 * number


def double_or_die(number):
    if number < 0:
        os._exit(1)
    return 2 * number


def die_the_first_time(path):
    if not Path(path).exists():
        Path(path).touch()
        os._exit(1)
    return "second time"


def test_every_job_comes_back_with_its_result():
    done = schedule.run(double, range(7), ThreadPoolExecutor, 3)
    assert sorted(done) == [(n, 2 * n) for n in range(7)]


def test_jobs_are_taken_only_when_a_worker_is_about_to_be_free():
    taken = []
    jobs = (taken.append(n) or n for n in range(50))
    first = next(schedule.run(double, jobs, ThreadPoolExecutor, 2))
    assert first[1] == 2 * first[0]
    assert len(taken) <= 5


def test_a_dead_worker_costs_only_its_own_job():
    done = dict(schedule.run(double_or_die, [1, 2, -1, 3, 4, -2, 5], PROCESSES, 2))
    assert done == {1: 2, 2: 4, -1: None, 3: 6, 4: 8, -2: None, 5: 10}


def test_a_job_whose_worker_died_is_tried_again(tmp_path):
    path = str(tmp_path / "been here")
    assert list(schedule.run(die_the_first_time, [path], PROCESSES, 1)) == [(path, "second time")]


def die_or_wait(seconds):
    time.sleep(seconds)
    if not seconds:
        os._exit(1)


def test_a_worker_that_dies_at_once_is_noticed_while_the_others_work():
    with PROCESSES(3) as executor:
        futures = [executor.submit(die_or_wait, seconds) for seconds in (600, 600, 0)]
        assert all(isinstance(future.exception(), BrokenExecutor) for future in futures)


def test_no_jobs():
    assert list(schedule.run(double, [], ThreadPoolExecutor, 1)) == []
