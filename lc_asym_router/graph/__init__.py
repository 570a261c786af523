"""The state graph: how it is built, its nodes, and one call of one tier."""
