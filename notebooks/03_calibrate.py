# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3. From your own data to a threshold
#
# Ask both tiers your own questions once, see what each threshold would mean, train a classifier
# on them, choose a target, and watch the bill.
#
# It runs on two embedded models; **the 1.5B is a stand-in for the frontier, no frontier model**,
# billed here at gpt-4o's price. A hundred rows are few: enough to see how it is done, too few to
# rely on.

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
# JSON lines with a `query`, and the right answer as `gold` (or a grader of your own). Put your
# file in place of these: capitals, and little sums told as stories of one to three steps.

# %%
import json
import random
from pathlib import Path
from tempfile import mkdtemp

CAPITALS = """France Paris, Japan Tokyo, Italy Rome, Spain Madrid, Egypt Cairo, Kenya Nairobi,
Peru Lima, Cuba Havana, Norway Oslo, Greece Athens, Austria Vienna, Poland Warsaw, Chile
Santiago, Iraq Baghdad, Russia Moscow, China Beijing, Ireland Dublin, Portugal Lisbon, Hungary
Budapest, Thailand Bangkok, Finland Helsinki, Germany Berlin, Sweden Stockholm, Denmark
Copenhagen, Belgium Brussels, Iran Tehran"""
chance = random.Random(7)


def story(steps):
    """A sum that is told as a story, and what it comes to."""
    who, things = chance.choice(("Ada", "Ben", "Cem")), chance.choice(("apples", "books", "stamps"))
    count = chance.randint(3, 9)
    told = f"{who} has {count} {things}"
    for _ in range(steps):
        more = chance.randint(2, 6)
        count += more
        told += f", then gets {more} more"
    return f"{told}. How many {things} now?", str(count)


countries = (each.split() for each in CAPITALS.split(","))
asked = [(f"What is the capital of {country}?", city) for country, city in countries]
asked += [story(1 + number % 3) for number in range(74)]
folder = Path(mkdtemp())
wish = "\n\nOne word or number only."
lines = [json.dumps({"query": query + wish, "gold": gold}) for query, gold in asked]
(folder / "questions.jsonl").write_text("\n".join(lines))
print(asked[0], asked[-1], sep="\n")

# %% [markdown]
# ## Ask both tiers
#
# `record_tiers` asks every tier every question, unchecked, and grades the answers. `out` keeps
# each answer as it comes: an interrupted run goes on where it was.

# %%
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Power, Price, Tier
from lc_asym_router.embedded import embedded_frontier, embedded_small
from lc_asym_router.evals import load, record_tiers, same_final_answer

if MODELS == "real":
    small = ChatOllama(model="llama3.1:8b", num_ctx=8192)
    frontier = ChatOpenAI(model="gpt-4o")
else:
    small = embedded_small(num_predict=256, seed=1)
    frontier = embedded_frontier()
router = AsymRouter(
    small=Tier(small, price=Power(watts=30, usd_per_kwh=0.30)),
    frontier=Tier(frontier, price=Price(2.50, 10.00)),
    max_tokens=6,
)
questions = load(folder / "questions.jsonl", scored=False)
rows = record_tiers(
    router, questions, same_final_answer, out=folder / "answers.jsonl", concurrency=2
)
for name, part in (("capitals", rows[:26]), ("stories", rows[26:])):
    small = sum(row.weak_score for row in part) / len(part)
    frontier = sum(row.strong_score for row in part) / len(part)
    print(f"{name}: small right {small:.0%}, frontier right {frontier:.0%}")
gap = sum(row.strong_score for row in rows) > sum(row.weak_score for row in rows)
if not gap:
    print(
        "The frontier is no better on these questions: send all to the small tier, or ask others."
    )

# %% [markdown]
# ## What does the shipped classifier know of these questions?
#
# The classifier sees the question alone. Quality against cost, threshold by threshold; the dotted
# line is what a random mix gives, so a classifier is worth as much as its curve lies above it.
# APGR is the same in one number: 0.5 is random.

# %%
from lc_asym_router import LearnedClassifier
from lc_asym_router.evals import CascadePrices, evaluate_offline
from lc_asym_router.notebook import plot_frontier

shipped = evaluate_offline(rows, LearnedClassifier())
if gap:
    print(f"APGR {shipped.apgr:.2f}, 95 % interval {shipped.interval()}")
plot_frontier(shipped, prices=CascadePrices(), title="the shipped classifier")

# %% [markdown]
# ## A classifier of your own
#
# `train` fits one on your rows, and measures it on parts that it has not seen. Where the frontier is
# no better than the small model there is nothing to learn, and the shipped one stays.

# %%
from lc_asym_router.evals.training.train_classifier import train

own = LearnedClassifier()
if gap:
    trained = train(rows)
    trained.save(folder / "my.model", "Trained in notebooks/03_calibrate.ipynb.")
    own = LearnedClassifier(path=folder / "my.model")
    unseen = trained.means[trained.shape]
    print(f"APGR on unseen parts {unseen:.2f}; the shipped one's {shipped.apgr:.2f}")
measured = evaluate_offline(rows, own)
plot_frontier(
    {"shipped": shipped, "own (flattered: it has seen these rows)": measured},
    prices=CascadePrices(),
)

# %% [markdown]
# ## Choose
#
# Move the threshold, and see what share of the requests goes to the frontier, how good the
# answers are, and what a thousand requests cost.

# %%
from lc_asym_router.notebook import threshold_slider

threshold_slider(measured, prices=CascadePrices())

# %% [markdown]
# Or name a target, and `calibrate` finds the threshold. What it expects of it is cross-validated,
# with 95 % intervals. The checks count too, as far as recorded answers can tell.

# %%
from lc_asym_router import default_checks
from lc_asym_router.evals import calibrate

mine = router.model_copy(update={"classify": own, "verify": default_checks()})
calibration = calibrate(mine, rows, {"quality_kept": 0.85})
calibration.save(folder / "calibration.json")
print(calibration.describe())

# %% [markdown]
# ## Use it, and watch the bill
#
# The calibration's file is the threshold. The ledger keeps what each request cost; the drift
# watch warns when live requests no longer look like those of the calibration.

# %%
from lc_asym_router import DriftWatch, Ledger
from lc_asym_router.evals import evaluate

ledger, watch = Ledger(folder / "costs.sqlite3"), DriftWatch(calibration)
calibrated = mine.model_copy(
    update={"threshold": folder / "calibration.json", "callbacks": [ledger, watch]}
)
live = evaluate(calibrated, questions[::11], same_final_answer, concurrency=2)
found = live.to_dict()
print({name: found[name] for name in ("n", "quality", "share", "escalated", "saved_usd")})
print("drift:", watch.drift() or "too few requests yet to say")

# %%
from lc_asym_router.notebook import plot_ledger, show

show(ledger)
plot_ledger(ledger)
