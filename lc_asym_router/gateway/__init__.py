"""Graphs for LangGraph Server."""
