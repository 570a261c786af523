"""From 60 questions of your own to a threshold: ask both models, grade, calibrate, use."""

import json

from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Price, Tier
from lc_asym_router.evals import calibrate, load, record_tiers, same_final_answer

with open("questions.jsonl", "w") as file:  # yours: a question and its right answer a line
    for n in range(60):
        row = {"id": str(n), "query": f"How much is {n} times 7?", "gold": str(n * 7)}
        file.write(json.dumps(row) + "\n")

router = AsymRouter(
    small=Tier(ChatOllama(model="llama3.1:8b"), price=Price(0, 0)),
    frontier=Tier(ChatOpenAI(model="gpt-4o"), price=Price(2.50, 10.00)),
)
questions = load("questions.jsonl", scored=False)
# Asks both tiers everything, unchecked; a run that was interrupted goes on from this file.
rows = record_tiers(router, questions, same_final_answer, out="answers.journal")
print("small right:", sum(row.weak_score for row in rows), "of", len(rows))
print("frontier right:", sum(row.strong_score for row in rows), "of", len(rows))

calibration = calibrate(router, rows, {"quality_kept": 0.95})
print(calibration.describe())
calibration.save("calibration.json")

calibrated = router.model_copy(update={"threshold": "calibration.json"})
print(calibrated.decide("How much is 12 times 7?").tier)
