"""The structural planner: finds the parts that the form of a request's text shows."""
