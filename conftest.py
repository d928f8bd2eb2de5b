"""Registers the bench's pytest plugins; everything else is in them."""

pytest_plugins = ["nrf91_bench_fixtures"]
