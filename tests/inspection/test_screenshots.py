"""The pages of screenshots in a real browser: no box or text lies over another, none is cut.

Skipped where no Chromium is installed. The coordinates are checked without one in `test_plot.py`.
"""

import importlib.util
import json
import re
from html import unescape
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "docs" / "screenshots.py"

CHECK = """<script>
const wrong = [], counts = {boxes: 0, texts: 0, cells: 0};
const name = (e) => e.textContent.slice(0, 60);
for (const picture of document.querySelectorAll("svg.hl-g")) {
  const whole = picture.getBoundingClientRect(), boxes = [];
  for (const group of picture.querySelectorAll("g")) {
    const rect = group.querySelector("rect"), box = rect.getBoundingClientRect();
    const framed = rect.classList.contains("f");
    counts.boxes += 1;
    if (box.left < whole.left || box.right > whole.right || box.top < whole.top ||
        box.bottom > whole.bottom) wrong.push("out of the picture: " + name(group));
    const texts = [...group.querySelectorAll("text")].map((t) => [t, t.getBoundingClientRect()]);
    texts.forEach(([text, at], i) => {
      counts.texts += 1;
      if (at.left < box.left || at.right > box.right || at.top < box.top - 1 ||
          at.bottom > box.bottom + 1) wrong.push("text leaves its box: " + name(text));
      for (const [other, there] of texts.slice(i + 1))
        if (at.left < there.right && there.left < at.right && at.top < there.bottom - 3 &&
            there.top < at.bottom - 3) wrong.push("texts overlap: " + name(text) + ", " + name(other));
    });
    for (const [other, there] of framed ? [] : boxes)
      if (box.left < there.right && there.left < box.right && box.top < there.bottom &&
          there.top < box.bottom) wrong.push("boxes overlap: " + name(group) + ", " + other);
    if (!framed) boxes.push([name(group), box]);
  }
}
for (const cell of document.querySelectorAll("td, th")) {
  counts.cells += 1;
  if (cell.scrollWidth > cell.clientWidth + 1) wrong.push("cell is cut: " + name(cell));
}
for (const table of document.querySelectorAll(".hl-t"))
  if (table.scrollWidth > table.clientWidth + 1) wrong.push("table is cut: " + name(table));
document.body.innerHTML = "<output>" + JSON.stringify([wrong, counts]) + "</output>";
</script>"""


@pytest.fixture(scope="module")
def screenshots():
    spec = importlib.util.spec_from_file_location("screenshots", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.browser() is None:
        pytest.skip("no Chromium is installed")
    return module


def look(screenshots, html, folder):
    path = folder / "page.html"
    path.write_text(html + CHECK, encoding="utf-8")
    text = screenshots.run_browser(
        screenshots.browser(), "--window-size=2000,2000", "--dump-dom", path.as_uri())
    return json.loads(unescape(re.search(r"<output>(.*?)</output>", text, re.S)[1]))


def test_nothing_overlaps_and_nothing_is_cut(screenshots, tmp_path):
    drawings = [screenshots.resnet34(), screenshots.towers(), screenshots.transformer()]
    pictures = [model.plot(expand_nested=True, show_dtype=True, show_trainable=True).svg
                for model in drawings]
    html = screenshots.page([*pictures, *screenshots.displays()])
    wrong, counts = look(screenshots, html, tmp_path)
    assert wrong == []
    assert counts["boxes"] == 125 + 12 + 31 and counts["texts"] > 400 and counts["cells"] > 300


def test_the_check_sees_what_is_wrong(screenshots, tmp_path):
    drawing = screenshots.towers().plot()
    first, second = drawing.scene.rects[:2]
    second.x, second.y = first.x + 20, first.y + 5
    first.texts[0].text = "much too long for the box that it stands in"
    wrong, _ = look(screenshots, screenshots.page([drawing.svg]), tmp_path)
    found = {text.partition(":")[0] for text in wrong}
    assert {"boxes overlap", "text leaves its box", "texts overlap"} <= found
