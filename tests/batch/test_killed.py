"""However often a batch is killed, each row is in the output once, and little is paid twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading

import pytest

from tests.batch.running import CONCURRENCY
from tests.servers import Reply


def started(small, frontier, rows, out):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.batch.running", small.url, frontier.url, str(rows), str(out)],
        stdout=subprocess.PIPE,
    )


@pytest.mark.full
def test_each_row_is_once_in_the_output(small, frontier, tmp_path):
    """Killed after a random number of answers, at any point of what follows on one."""
    rows, kills = 400, 20
    draw, out = random.Random(rows), tmp_path / "out.jsonl"
    killed, answered, process = [], 0, None
    lock = threading.Lock()

    def reply(body):
        nonlocal answered
        with lock:
            answered += 1
            if points and answered >= points[0] and process is not None:
                points.pop(0)
                killed.append(process)
                process.kill()
        return Reply(f"echo {body['messages'][-1]['content']}", delay=draw.random() / 100)

    small.default = reply
    points = sorted(draw.sample(range(1, rows), kills))
    for _ in range(kills + 1):
        process = started(small, frontier, rows, out)
        process.wait()
    assert len(killed) == kills
    assert process.returncode == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["n"] for line in lines] == list(range(rows))
    assert [line["answer"] for line in lines] == [f"echo row {n}" for n in range(rows)]
    assert rows <= len(small.requests) <= rows + kills * CONCURRENCY
