"""300 tickets of a CSV file, sorted into teams: most of them by the small model."""

import csv
from typing import Literal

from langchain_core.prompts import ChatPromptTemplate
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from lc_asym_router import AsymRouter

with open("tickets.csv", "w", newline="") as file:  # yours has other texts
    texts = ["My invoice is wrong", "The app crashes", "How do I sign in?"]
    csv.writer(file).writerows([["id", "text"], *([n, texts[n % 3]] for n in range(300))])


class Sorted(BaseModel):
    """Where a ticket goes."""

    team: Literal["billing", "engineering", "support"] = Field(description="who takes it")


router = AsymRouter(small=ChatOllama(model="llama3.1:8b"), frontier=ChatOpenAI(model="gpt-4o"))
prompt = ChatPromptTemplate.from_template("Which team takes this ticket?\n\n{text}")
chain = prompt | router.with_structured_output(Sorted, include_raw=True)

with open("tickets.csv", newline="") as file:
    tickets = list(csv.DictReader(file))
results = chain.batch(tickets, {"max_concurrency": 8}, return_exceptions=True)

with open("sorted.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["id", "team", "tier", "why not"])
    for ticket, result in zip(tickets, results, strict=True):
        if isinstance(result, Exception):  # no tier answered: ask these again
            writer.writerow([ticket["id"], "", "", str(result)])
            continue
        record = result["raw"].response_metadata["router"]
        team = result["parsed"].team if result["parsed"] else ""
        writer.writerow([ticket["id"], team, record["tier"], result["parsing_error"] or ""])

with open("sorted.csv", newline="") as file:
    rows = list(csv.DictReader(file))
print(len(rows), "tickets,", sum(row["team"] != "" for row in rows), "sorted")
