"""What the packages share and no user imports."""
