"""The bench measures itself: ``python -m benchmarks`` runs all sections and shows one table."""
