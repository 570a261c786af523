"""The structural planner: finds the parts that a request's form shows."""
