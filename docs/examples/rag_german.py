"""Retrieval in German, in a conversation of twenty messages: the question decides, not the context."""

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, trim_messages
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter

HANDBUCH = {
    "Urlaub": "Jede Mitarbeiterin hat 30 Tage Urlaub im Jahr.",
    "Fehlersuche": "Wer einen Deadlock debuggen will, schaut zuerst in die Protokolle.",
    "Reisen": "Reisekosten werden bis zum 10. des Folgemonats eingereicht.",
}
router = AsymRouter(
    small=ChatOllama(model="llama3.1:8b", num_ctx=8192),
    frontier=ChatOpenAI(model="gpt-4o"),
    question="Frage:",  # what stands behind it is what the classifier judges
    languages=["de", "en"],
)
history = [SystemMessage("Antworte knapp und nur aus dem Kontext.")]


def retrieve(question: str) -> str:
    """The passages whose title is in the question; all of them where none is."""
    found = [text for title, text in HANDBUCH.items() if title.lower() in question.lower()]
    return "\n".join(found or HANDBUCH.values())


def answer(question: str) -> str:
    """Ask one question of the conversation."""
    history.append(HumanMessage(f"Kontext:\n{retrieve(question)}\n\nFrage: {question}"))
    # Only what fits: counted by the router, without a tokenizer.
    shown = trim_messages(
        history, max_tokens=4000, token_counter=router, include_system=True, start_on="human"
    )
    reply = router.invoke(shown)
    history.append(AIMessage(reply.text))
    record = reply.response_metadata["router"]
    print(f"{record['tier']}: {record['decision']['reason']}")
    return reply.text


for _ in range(9):
    answer("Wie viele Tage Urlaub habe ich?")
answer("Analysiere bitte, warum die Fehlersuche so lange dauert.")
print(len(history), "messages")
