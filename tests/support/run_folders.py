"""The folders of runs, as a run leaves them: stream, summary and pages."""

import json
from datetime import datetime
from pathlib import Path

from bench.evidence.stream import FILE
from bench.run.folder import rebuild, save


def run_folder(folder: Path, *outcomes: str, started: str = "2026-11-01T22:00:00Z", simulated: bool = False) -> Path:
    """Write the folder of a run of one board, an outcome a test; return it."""
    (folder / "allure-results").mkdir(parents=True)
    moment = datetime.fromisoformat(started)

    def row(kind: str, **fields: object) -> str:
        return json.dumps(
            {"schema": 2, "run": folder.name, "type": kind, "slot": "dk-1", "t_ns": 1, "utc": started, **fields}
        )

    rows = [row("run", simulated=simulated, slots=["dk-1"], groups={}, turns=[[1, ["dk-1"]]])]
    facts = {"modem_firmware": "mfw_1", "application": "slm", "application_version": "3.1.0"}
    rows.append(row("board", model="nrf9151dk", simulated=simulated, ids={"imei": "imei-1"}, **facts))
    for number, outcome in enumerate(outcomes):
        test = f"test_a.py::test_{number}"
        rows += [row("plan", test=test), row("start", test=test)]
        rows.append(row("finish", test=test, outcome=outcome, message=f"why {number}", duration_ns=5))
        result = {"name": test, "fullName": test, "start": number, "status": "passed"}
        (folder / "allure-results" / f"{number}-result.json").write_text(json.dumps(result))
    later = moment.replace(minute=moment.minute + 4).isoformat().replace("+00:00", "Z")
    rows += [row("ended", utc=later), row("closed", utc=later)]
    (folder / FILE).write_text("\n".join(rows) + "\n")
    save(folder, rebuild(folder))
    return folder
