"""Registration: PINs that are tried once, networks that refuse, modems that refuse, and what each is called."""

from tests.support.lab import Lab


def test_boards_start_one_after_the_other(lab: Lab) -> None:
    """Real ones; a TCP port that the lab vouches for stands in."""
    (lab.folder / "bench.toml").write_text(
        "[limits]\nstagger_seconds = 1.5\n"
        + "".join(f'[[boards]]\nname = "dk-{n}"\nport = "tcp://127.0.0.1:9"\n' for n in (1, 2)).replace(
            "127.0.0.1:9", "127.0.0.1:10", 1
        )
    )
    run = lab.run("def test_one(): pass\n", ("--config", str(lab.folder / "bench.toml")))
    starts = {row["slot"]: row["t_ns"] for row in run.rows if row["type"] == "plan"}
    assert sorted(starts) == ["dk-1", "dk-2"]
    assert max(starts.values()) - min(starts.values()) > 0.5e9
