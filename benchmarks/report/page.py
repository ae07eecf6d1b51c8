"""The page: one HTML file with everything in it, that opens without a network.

Rules: no script, no font, no picture from elsewhere; the order is what a reader asks (does it heal,
how long does it take, how fast is it, on what machine); the same content for eye and ear.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from benchmarks.about import About
from benchmarks.report import course, marks, phases, spread, tables, words
from benchmarks.report.read import Course, MttrRun, PhaseRun, Results

STYLE = Path(__file__).with_name("style.css")
FAULTS = {
    "kill": "A node is killed",
    "wipe": "A node's disk is wiped",
    "corrupt": "A node's records are corrupted",
}
LEGEND = """<ul class="legend">
<li><i class="swatch whole"></i>all k+m shards there</li>
<li><i class="swatch degraded"></i>fewer, still readable</li>
<li><i class="swatch lost"></i>too few to read</li>
<li><i class="swatch p50"></i>p50</li>
<li><i class="swatch p99"></i>p99</li>
</ul>"""
METHOD = """<ul>
<li>A real cluster of real processes on one machine, which the load generator and the auditor
share. Both cost: they take part in every latency and every rate.</li>
<li>Redundancy is what <code>verify</code> finds, an audit that shares no code with repair. Each
step of the picture is one whole pass over all parts, drawn when it ended; full redundancy is the
end of the first pass that began after the fault and found every part whole. After corruption the
passes are deep: they read every byte.</li>
<li>Clients send at a fixed rate, whatever the store does; a latency counts from the moment at
which the request was due, so that a stall is counted for every request it held up. Every byte of
every answer is compared with what was written; afterwards every object is read once more.</li>
<li>Percentiles are nearest-rank over all right answers: nothing is trimmed, no best run is chosen.
The trial shown first is the median of its run by time to full redundancy.</li>
</ul>"""


def build(results: Results, now: datetime) -> str:
    """The page's text. `now` stands in it as its date."""
    parts = [_head(results, now)]
    for number, run in enumerate(sorted(results.mttr, key=_order)):
        parts.append(_mttr(run, f"mttr-{number}"))
    for number, phase_run in enumerate(results.phases):
        parts.append(_phases(phase_run, f"phases-{number}"))
    if results.mttr:
        parts.append(f'<section class="card"><h2>How it was measured</h2>{METHOD}</section>')
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Trilith, measured</title>\n<style>\n{STYLE.read_text()}</style>\n</head>\n"
        f"<body>\n{HATCHES}\n{''.join(parts)}\n</main>\n</body>\n</html>\n"
    )


HATCHES = """<svg class="definitions" aria-hidden="true" width="0" height="0"><defs>
<pattern id="thin-hatch" width="7" height="7" patternUnits="userSpaceOnUse"
 patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="7" class="thin-stroke"/></pattern>
<pattern id="dense-hatch" width="5" height="5" patternUnits="userSpaceOnUse"
 patternTransform="rotate(-45)"><line x1="0" y1="0" x2="0" y2="5" class="dense-stroke"/></pattern>
</defs></svg>"""


def _head(results: Results, now: datetime) -> str:
    tiles = "".join(_tile(run) for run in sorted(results.mttr, key=_order) if run.courses)
    shown = f'<ul class="tiles">{tiles}</ul>' if tiles else ""
    return (
        "<header><h1>Trilith, measured</h1>"
        f"<p>An erasure-coded object store. Page made {now:%Y-%m-%d %H:%M} UTC.</p></header>\n"
        f"<main>{shown}\n"
    )


def _tile(run: MttrRun) -> str:
    trials = [one.trial for one in run.courses]
    unhealed = sum(trial.mttr_s != trial.mttr_s for trial in trials)
    errors, wrong = sum(one.errors for one in trials), sum(one.wrong for one in trials)
    seen = f"{words.count(errors, 'client error')}, {words.count(wrong, 'wrong answer')}"
    class_ = ' class="bad"' if errors or wrong or unhealed else ""
    of_trials = f", median of {len(trials)} trials" if len(trials) > 1 else ""
    not_healed = f", {unhealed} not healed" if unhealed else ""
    return (
        f"<li><h2>{escape(_fault_title(run))}</h2>"
        f"<p class=figure>{words.seconds(spread.median_of(trials, 'mttr_s'))}</p>"
        f"<p>from fault to full redundancy{of_trials}{not_healed}</p>"
        f"<p>detected after {words.seconds(spread.median_of(trials, 'detect_s'))}</p>"
        f"<p{class_}>{seen}</p></li>"
    )


def _order(run: MttrRun) -> tuple[int, str]:
    """The faults as they stand in FAULTS, what is unknown at the end."""
    places = [
        list(FAULTS).index(one.trial.fault) for one in run.courses if one.trial.fault in FAULTS
    ]
    return min(places, default=len(FAULTS)), run.name


def _fault_title(run: MttrRun) -> str:
    faults = {one.trial.fault for one in run.courses}
    return "; ".join(FAULTS.get(fault, fault) for fault in sorted(faults)) or run.name


def _mttr(run: MttrRun, name: str) -> str:
    if not run.courses:
        return ""
    shown = _median_course(run.courses)
    others = [one for one in run.courses if one is not shown]
    trials = [one.trial for one in run.courses]
    figure = _figure(shown, f"{name}-{shown.trial.trial}")
    more = "".join(
        f"<details><summary>Trial {one.trial.trial}: {escape(marks.deed(one.trial))}, full"
        f" redundancy after {words.seconds(one.trial.mttr_s)}</summary>"
        f"{_figure(one, f'{name}-{one.trial.trial}')}</details>"
        for one in others
    )
    spread_out = (
        f"<h3>All trials, from the fault to each stage</h3>"
        f'<figure class="scroll">{spread.picture(trials, f"{name}-spread")}</figure>'
        if others
        else ""
    )
    return (
        f'<section class="card" aria-labelledby="{name}-heading">'
        f'<h2 id="{name}-heading">{escape(_fault_title(run))}</h2>{_about(run.about)}'
        f"{LEGEND}{figure}{tables.trials(run, name)}{spread_out}{more}</section>\n"
    )


def _median_course(courses: Sequence[Course]) -> Course:
    healed = sorted(
        (one for one in courses if one.trial.mttr_s == one.trial.mttr_s),
        key=lambda one: one.trial.mttr_s,
    )
    return healed[(len(healed) - 1) // 2] if healed else courses[0]


def _figure(one: Course, name: str) -> str:
    return (
        f'<figure class="scroll" tabindex="0" aria-label="Trial {one.trial.trial}">'
        f"{course.picture(one, name)}</figure>"
        f'<p class="caption">Trial {one.trial.trial}. {escape(course.describe(one))}</p>'
    )


def _phases(run: PhaseRun, name: str) -> str:
    if not run.phases:
        return ""
    if run.is_throughput:
        title = "Throughput"
        pictures = "".join(
            f'<h3>{said}</h3><figure class="scroll" tabindex="0">{one}</figure>'
            for said, one in phases.throughputs(run.phases, name)
        )
        legend = (
            '<ul class="legend"><li><i class="swatch put"></i>PUT × requests at once</li>'
            '<li><i class="swatch get"></i>GET × requests at once</li></ul>'
        )
    else:
        title = "Latency, one request at a time"
        picture = phases.latencies(run.phases, name)
        pictures = f'<figure class="scroll" tabindex="0">{picture}</figure>'
        legend = (
            '<ul class="legend"><li><i class="swatch dot50"></i>p50</li>'
            '<li><i class="swatch dot95"></i>p95</li><li><i class="swatch tick99"></i>p99</li></ul>'
        )
    return (
        f'<section class="card" aria-labelledby="{name}-heading"><h2 id="{name}-heading">{title}'
        f"</h2>{_about(run.about)}{legend}{pictures}{tables.phases(run.phases)}</section>\n"
    )


def _about(about: About | None) -> str:
    """The machine and the settings of one run."""
    if about is None:
        return '<p class="about">No record of the machine stands beside these figures.</p>'
    processor = f" ({about.processor})" if about.processor else ""
    machine = (
        f"{words.count(about.cores, 'core')}{processor}, {words.size(about.memory_bytes)} of"
        f" memory, {about.system}, {about.python}, Trilith {about.version}"
    )
    settings = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in about.settings.items()
    )
    return (
        f'<p class="about"><code>{escape(about.command)}</code>, {escape(about.measured_at)}, on'
        f" {escape(machine)}</p><dl>{settings}</dl>"
    )
