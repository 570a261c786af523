"""`python -m lc_asym_router`, the same as the command `lc-asym-router`."""

from lc_asym_router.shell import main

if __name__ == "__main__":
    raise SystemExit(main())
