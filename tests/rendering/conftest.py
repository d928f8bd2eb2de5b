"""A floor of its own: it asks an npm registry for Allure 3. ``tox -e rendering`` runs it, and nothing else does."""

import os

collect_ignore_glob = [] if os.environ.get("NRF91_BENCH_RENDERING") else ["test_*.py"]
