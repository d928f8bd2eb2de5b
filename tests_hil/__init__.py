"""Scenario suites: what a board must do."""
