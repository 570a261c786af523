"""The gateway's page at `/`, and the JSON that it is drawn from."""
