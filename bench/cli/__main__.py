"""``python -m bench.cli`` is ``nrf91-bench`` under this interpreter."""

from bench.cli import main

if __name__ == "__main__":
    main()
