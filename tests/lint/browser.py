# SPDX-License-Identifier: BSD-2-Clause
"""A page in headless Chromium on a small laptop's screen, light or dark: can everything be read? A copy of the page
gets a script that measures it. NESTOR_PAGES=DIR keeps a screenshot of each, to be looked at."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

WIDTH, HEIGHT = 1366, 768
CONTRAST = 4.5          # WCAG 2.2, 1.4.3
SCHEMES = {"dark": 0, "light": 1}
SCREENSHOTS = os.environ.get("NESTOR_PAGES")
# Of all text its place in the window, colour and ground; of each drawing its place. Half a pixel is rounding.
MEASURE = """<script>
const found = [], slack = 0.5;
const box = e => e.getBoundingClientRect();
const say = (what, e) => found.push(what + ": " + (e.textContent || e.outerHTML).slice(0, 80));
const inside = (a, b) => a.left >= b.left - slack && a.right <= b.right + slack && a.top >= b.top - slack &&
    a.bottom <= b.bottom + slack;
const apart = (a, b) => a.right <= b.left + slack || b.right <= a.left + slack || a.bottom <= b.top + slack ||
    b.bottom <= a.top + slack;
const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 :
    ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05); };
const texts = [...document.querySelectorAll("svg text")], rects = [...document.querySelectorAll("svg rect")];
const ground = getComputedStyle(document.body).backgroundColor;
for (const [i, t] of texts.entries()) {
    const b = box(t), around = rects.filter(r => !apart(box(r), b));
    if (!inside(b, box(t.closest("svg")))) say("out of its drawing", t);
    if (around.some(r => !inside(b, box(r)))) say("over a box's edge", t);
    if (texts.slice(i + 1).some(o => !apart(box(o), b))) say("over another text", t);
    for (const r of around.length ? around.map(r => getComputedStyle(r).fill) : [ground])
        if (contrast(getComputedStyle(t).fill, r) < LIMIT) say("too faint", t);
    if (parseFloat(getComputedStyle(t).fontSize) * box(t.closest("svg")).width /
        t.closest("svg").viewBox.baseVal.width < 10) say("too small", t);
}
for (const [i, r] of rects.entries()) {
    if (!inside(box(r), box(r.closest("svg")))) say("out of its drawing", r);
    if (rects.slice(i + 1).some(o => !apart(box(o), box(r)) && !inside(box(o), box(r)))) say("over another box", r);
}
for (const e of document.querySelectorAll("h1,h2,p,b,i,pre,svg")) {
    if (!inside({...box(e).toJSON(), top: 0, bottom: 0}, {left: 0, right: innerWidth, top: 0, bottom: 0}))
        say("wider than the window", e);
    if (e.scrollWidth > e.clientWidth && e.clientWidth) say("cut off", e);
    if (e.tagName != "svg" && contrast(getComputedStyle(e).color, ground) < LIMIT) say("too faint", e);
}
if (document.documentElement.scrollWidth > innerWidth) found.push("the window scrolls sideways");
document.title = "measured " + JSON.stringify({found, texts: texts.length, rects: rects.length, ground, innerWidth});
</script>"""


def chromium(page, scheme, *words):
    with tempfile.TemporaryDirectory(prefix="nestor-chromium-") as profile:
        done = subprocess.run(
            [shutil.which("chromium") or shutil.which("google-chrome") or "chromium", "--headless=new", "--no-sandbox",
             "--disable-gpu", "--hide-scrollbars", "--no-first-run", f"--user-data-dir={profile}",
             f"--window-size={WIDTH},{HEIGHT}", f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", *words,
             page.as_uri()], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-1000:])
    return done.stdout


def measured(text, scheme, name=None):
    """{found: what is wrong, texts, rects, ground, innerWidth}"""
    with tempfile.TemporaryDirectory(prefix="nestor-page-") as folder:
        page = pathlib.Path(folder) / "page.html"
        page.write_text(text.replace("</body>", MEASURE.replace("LIMIT", str(CONTRAST)) + "</body>"))
        if SCREENSHOTS and name:
            chromium(page, scheme, f"--screenshot={SCREENSHOTS}/{name}-{scheme}.png", f"--window-size={WIDTH},2000")
        dom = chromium(page, scheme, "--dump-dom")
    for code, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        dom = dom.replace(code, sign)
    return json.loads(re.search(r"<title>measured (.*?)</title>", dom, re.S)[1])
