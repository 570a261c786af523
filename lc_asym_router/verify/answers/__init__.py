"""What an answer comes to, in whatever form a model wrote it, and whether two come to the same.

`final_answer.final_answer` reads a text, `comparing.agree` compares what was read. Standard library
only; no model is asked.
"""
