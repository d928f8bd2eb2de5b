"""Files of a lab, validated whole: bench.toml, a qualification plan, known issues."""
