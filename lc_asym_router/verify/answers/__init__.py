"""Read an answer's final value, in whatever form a model wrote it, and compare two of them.

`final_answer.final_answer` reads a text, `comparing.agree` compares the results. Standard library only;
no model is called.
"""
