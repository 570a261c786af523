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

from prepare import install, pair

install()
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
from lc_asym_router import AsymRouter
from lc_asym_router.verify import Vote

tiers = pair(MODELS)
routers = {
    "form": AsymRouter(
        small=tiers["small"], frontier=tiers["frontier"], classify=None, verify="form"
    ),
    "one sample more": AsymRouter(
        small=tiers["small"], frontier=tiers["frontier"], classify=None, verify="default"
    ),
    "vote of three": AsymRouter(
        small=tiers["small"], frontier=tiers["frontier"], classify=None, verify=Vote()
    ),
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
    small=tiers["small"],
    frontier=tiers["frontier"],
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
    small=tiers["small"],
    frontier=tiers["frontier"],
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
