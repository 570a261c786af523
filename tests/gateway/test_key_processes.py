"""One key's budget, hammered by 32 clients of each of eight workers: it is never passed."""

from __future__ import annotations

import random

import pytest

from lc_asym_router.gateway.keys import KeyLimits, KeyStore
from lc_asym_router.money.budgets.amounts import NANO
from tests.money.budgets.budgeting import priced
from tests.money.budgets.test_budget_processes import Watcher, run
from tests.money.conftest import postgres, url  # noqa: F401
from tests.servers import Reply

LIMIT = 0.06


@pytest.mark.full
def test_eight_workers_of_32_clients_never_pass_a_keys_budget(small, frontier, url):  # noqa: F811
    frontier.default = lambda body: Reply("x", output_tokens=random.randint(1, 100))
    store = KeyStore(url)
    key = store.add("hammered", KeyLimits(usd_per_day=LIMIT))
    with Watcher(url) as watcher:
        process = run(
            """
            import httpx
            from lc_asym_router.gateway.app import gateway_app
            from lc_asym_router.gateway.key_access import KeyAccess
            from lc_asym_router.gateway.keys import KeyStore
            from tests.gateway.serving import Served

            key = sys.argv[4]
            asked = {"model": "frontier", "messages": [{"role": "user", "content": UP}]}

            async def client(at):
                made = 0
                async with httpx.AsyncClient(headers={"x-api-key": key}, timeout=120) as http:
                    for _ in range(2):
                        response = await http.post(f"{at}/v1/chat/completions", json=asked)
                        if response.status_code == 200:
                            made += 1
                            continue
                        error = response.json()["error"]
                        found = response.status_code, error["code"]
                        if found == (503, "budget_unavailable"):
                            continue  # so many at once: the database was not to be asked in time
                        quota = found == (429, "insufficient_quota")
                        if not quota or response.headers["x-should-retry"] != "false":
                            os.write(2, response.content)
                            os._exit(9)
                        await asyncio.sleep(random.random())
                return made

            async def clients(at):
                return sum(await asyncio.gather(*(client(at) for _ in range(32))))

            children = []
            for _ in range(8):
                child = os.fork()
                if not child:
                    app = gateway_app(router(where, where), KeyAccess(KeyStore(url)))
                    with Served(app) as served:
                        made = asyncio.run(clients(served.url))
                    os.write(1, f"{made}\\n".encode())
                    os._exit(0)
                children.append(child)
            ends = [os.waitpid(child, 0)[1] for child in children]
            sys.exit(max(abs(os.waitstatus_to_exitcode(end)) for end in ends))
            """,
            url,
            small.url,
            frontier.base_url,
            key,
        )
        said, faults = process.communicate(timeout=600)
    assert process.returncode == 0, faults[-2000:]
    made = [int(line) for line in said.split()]
    assert len(made) == 8
    assert sum(made) == len(frontier.requests)
    assert watcher.reads > 20
    # The key's day and month are two sums; the day alone has a limit.
    assert 0 < watcher.greatest <= LIMIT * NANO
    assert LIMIT * 0.5 < priced(frontier) <= LIMIT  # it is used, not only kept
    store.close()
