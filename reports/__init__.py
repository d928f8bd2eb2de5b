"""Report configuration that is kept."""
