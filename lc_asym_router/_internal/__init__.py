"""Code shared by the packages; not for users."""
