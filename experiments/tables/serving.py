"""What a server does under load and under attack, in the words of the page."""

from __future__ import annotations

from experiments.runs import Record

_SLOW = ("slow headers", "slow body", "left open", "slow reader", "held", "patient")


def serving_rows(serving: Record) -> list[list[str]]:
    """Lay the speed of each model through the API beside the library's own.

    Parameters
    ----------
    serving : mapping
        Record of ``experiments.serving_load``; may be empty.

    Returns
    -------
    list of list of str
    """
    rows = []
    for model, figures in serving.get("batches", {}).items():
        speeds, ratio = figures["faces_per_second"], figures["api_to_library"]
        low, high = ratio["range"]
        alone, cpu = serving["alone"][model], figures["cpu_ms_a_face"]
        rows.append(
            [
                f"`{model}`",
                f"{speeds['api']:,.0f}",
                f"{speeds['library']:,.0f}",
                f"{ratio['median']:.2f} ({low:.2f}–{high:.2f})",
                f"{cpu['api']:.2f} ms, {cpu['library']:.2f} ms",
                f"{1000 * alone['median']:.1f} ms, {1000 * alone['p99']:.1f} ms",
            ]
        )
    return rows


def serving_summary(serving: Record) -> str:
    """Say how many clients at once were served.

    Parameters
    ----------
    serving : mapping
        May be empty.

    Returns
    -------
    str
    """
    if not serving:
        return ""
    crowd, waited = serving["crowd"], serving["crowd"]["waited"]
    failed = sum(crowd["failed"].values())
    memory = crowd["memory_mb"]
    return (
        f"{crowd['clients']} clients at once, each asking again as soon as it was answered, sent "
        f"single faces, batches of eight and photographs (scenes with a drawn face, where no "
        f"folder is given) for {crowd['seconds']:.0f} s: "
        f"{crowd['answered']:,} requests, of which {failed or 'none'} failed, "
        f"{crowd['requests_per_second']:.1f} a second. They waited for {waited['median']:.1f} s "
        f"(median), {waited['p99']:.1f} s (99th percentile), {waited['max']:.1f} s at most; the "
        f"server's memory was {min(memory):,.0f} to {max(memory):,.0f} MB."
    )


def hostile_summary(hostile: Record) -> str:
    """Say what became of hostile requests and of the server.

    Parameters
    ----------
    hostile : mapping
        Record of ``experiments.hostile_requests``; may be empty.

    Returns
    -------
    str
    """
    if not hostile:
        return ""
    wrong = sum(sum(counts.values()) for counts in hostile["wrong"].values())
    others, held = hostile["others"], hostile["held"]
    waited = others["seconds"]
    slow = sum(hostile["kinds"].get(kind, {}).get("sent", 0) for kind in _SLOW)
    failed = sum(others["failed"].values())
    opened = ", ".join(f"`{path}`" for path in hostile["opened"])
    return (
        f"Of {hostile['requests']:,} in {len(hostile['kinds'])} kinds, {slow:,} of them slow, "
        f"{wrong or 'none'} got another status than is right for it. Meanwhile another client's "
        f"{others['asked']:,} requests were answered in {1000 * waited['median']:.0f} ms (median), "
        f"{1000 * waited['p99']:.0f} ms (99th percentile), {waited['max']:.1f} s at most, and "
        f"{failed or 'none'} of them wrongly. After each round of requests the server held "
        f"{_listed(held['memory_mb'][1:])} MB, {_listed(held['files'][1:])} open files and "
        f"{_listed(held['threads'][1:])} threads; the most it had for a moment were "
        f"{hostile['peak_mb']:,.0f} MB. It wrote {len(hostile['written']) or 'no'} files, "
        f"opened {opened or 'none'} beside its own, and said "
        f"{'something' if hostile['said'] else 'nothing'} of the requests."
    )


def _listed(numbers: list[float]) -> str:
    """List figures in their order; once, where all are the same."""
    shown = [f"{number:,.0f}" for number in numbers]
    return shown[0] if len(set(shown)) == 1 else ", ".join(shown)
