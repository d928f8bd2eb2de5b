"""``nrf91-bench prune``: old runs go, releases and pinned ones stay."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.inline import command_line


class TestPrune:
    def run(self, folder: Path, name: str, days: int, *, pinned: str = "") -> None:
        path = folder / name
        path.mkdir()
        started = datetime.now(UTC) - timedelta(days=days)
        (path / "results.jsonl").write_text("{}\n" * 1000)
        (path / "summary.json").write_text(json.dumps({"started": started.isoformat()}))
        if pinned:
            (path / pinned).touch()

    def test_old_runs_go_releases_and_pinned_ones_stay(self, tmp_path: Path) -> None:
        for name, days, pinned in (("old", 100, ""), ("new", 1, ""), ("release", 400, "plan.toml"), ("kept", 400, "")):
            self.run(tmp_path, name, days, pinned=pinned)
        (tmp_path / "somebodys notes").mkdir()
        assert command_line("prune", "--pin", str(tmp_path / "kept")).returncode == 0
        told = command_line("prune", "--runs", str(tmp_path), "--dry-run").stdout
        lines = told.splitlines()
        assert lines[0].startswith(f"there     4 runs of 0.0 MB in {tmp_path}, 2 of them pinned or of a plan")
        assert lines[1].startswith(f"would go  {tmp_path}/old")
        assert lines[2].startswith("in all    1 run of 0.0 MB would go; ")
        assert (tmp_path / "old").exists()
        told = command_line("prune", "--runs", str(tmp_path)).stdout
        assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "new", "release", "somebodys notes"]
        assert "runs such as the last" in told
        told = command_line("prune", "--runs", str(tmp_path)).stdout
        assert "there     3 runs" in told
        assert "in all    nothing goes: no run that may go is older than 90 days; " in told

    def test_what_is_no_run_is_not_pinned(self, tmp_path: Path) -> None:
        assert "is not the folder of a run" in command_line("prune", "--pin", str(tmp_path)).stderr
