"""The graphs for LangGraph's own server."""
