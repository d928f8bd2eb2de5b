"""A run: schedule, workers, circuit breaker, control board, retries, folder."""
