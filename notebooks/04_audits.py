# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 4. Votes and audits on your own questions
#
# Which small answers may be handed on, and what does that lose against always asking the frontier?
# Votes answer the first question, audits the second, and neither needs a label.
#
# It runs on two embedded models, with no key and no Ollama. **The 1.5B model is a stand-in for
# the frontier; it is no frontier model**, and 0.5B is very small: expect many answers to go up.

# %%
# Installs what is missing. ROUTER_MODELS=real (or write "real" here): your own Ollama and OpenAI.
import os
import subprocess
import sys
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path

NEEDED = "lc_asym_router ipywidgets matplotlib langchain xllamacpp sklearn genai_prices pandas"
if not all(map(find_spec, NEEDED.split())):
    clone = Path("..").resolve()
    package = clone if (clone / "lc_asym_router").is_dir() else "lc-asym-router"
    package = f"{package}[notebook,plots,langchain,embedded,evals,prices,report]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package], check=True)
    invalidate_caches()  # the kernel has looked into these folders before
MODELS = os.environ.get("ROUTER_MODELS", "embedded")

# %% [markdown]
# ## Your questions
#
# Put your own in place of these, one a line; questions with a short answer show most.

# %%
QUESTIONS = """\
What is the capital of Portugal? One word.
What is the capital of Norway?
What is 14 times 12? Answer with the number only.
What is 15 % of 200? Answer with the number only.
A pen costs 3 dollars. What do 7 pens cost? Answer with the number only.
What is the plural of 'child'? One word.
""".splitlines()

# %% [markdown]
# ## One opinion, and two
#
# `verify="form"` hands on what is well formed. The default asks the small model once more, in
# another representation, and hands on what both come to. `Vote` hands on what any two cheap models
# share; with one cheap model its own samples vote. `classify=None`: the checks alone decide.

# %%
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Power, Price, Tier
from lc_asym_router.embedded import embedded_frontier, embedded_small
from lc_asym_router.verify import Vote

if MODELS == "real":
    small = ChatOllama(model="llama3.1:8b", num_ctx=8192)
    frontier = ChatOpenAI(model="gpt-4o")
else:
    small = embedded_small(num_predict=256, seed=1)
    frontier = embedded_frontier()
small = Tier(small, price=Power(watts=30, usd_per_kwh=0.30))
frontier = Tier(frontier, price=Price(2.50, 10.00))
routers = {
    "form": AsymRouter(small=small, frontier=frontier, classify=None, verify="form"),
    "one sample more": AsymRouter(small=small, frontier=frontier, classify=None),
    "vote of three": AsymRouter(small=small, frontier=frontier, classify=None, verify=Vote()),
}
routers["vote of three"]

# %%
import pandas as pd

rows = []
for question in QUESTIONS:
    row = {"question": question}
    for name, router in routers.items():
        answer = router.invoke(question)
        record = answer.response_metadata["router"]
        row[name] = f"{record['tier']}: {answer.text[:40]}"
    rows.append(row)
pd.DataFrame(rows)

# %% [markdown]
# Look for lines in which `form` hands on a small answer that the others send up: there the second
# opinion saw something. Who voted for what stands in the record.

# %%
record["attempts"][0].get("votes") or record["attempts"][0]

# %% [markdown]
# ## What does it lose?
#
# An audit asks the frontier too, off the request's path, and compares. Here every small answer is
# audited (`share=1.0`); in production the first 300, then a small share. `differs` needs no judge
# where answers can be compared by meaning; `worse` is what the judge says.

# %%
from lc_asym_router import Audit

audited = AsymRouter(
    small=small,
    frontier=frontier,
    classify=None,
    verify="form",
    audit=Audit(share=1.0, judge="frontier"),
)
for question in QUESTIONS:
    audited.invoke(question)
audited.flush_audits(timeout=600)
print(audited.audits)

# %% [markdown]
# The bound holds at all times with 95 % probability, so that after six answers it says little. This
# is how many audits it would take to show that at most 10 % differ, at the rate seen so far (`None`:
# the rate is no lower than that, so no number would).

# %%
print(audited.audits.audits_needed(0.10))

# %%
from lc_asym_router.notebook import plot_audits

plot_audits(audited)

# %% [markdown]
# ## Before you switch
#
# With `shadow=` the frontier answers everybody, and the small tier is asked beside: here each time,
# with `shadow=True` a tenth of the time. What each rung of strictness would have saved and lost is
# told before anybody relies on it.

# %%
from lc_asym_router.audits import Shadow

shadowed = AsymRouter(
    small=small,
    frontier=frontier,
    classify=None,
    shadow=Shadow(share=1.0),
)
for question in QUESTIONS[:3]:
    shadowed.invoke(question)
shadowed.flush_audits(timeout=600)
print(shadowed.target)

# %%
for router in (audited, shadowed):
    router.close_audits()
