"""The page in Chromium: drawn, within its width, quiet, and kept up to date."""
import os
import shutil
import threading
import time

import numpy as np
import pytest

from jgan.report.page import render, serve
from jgan.verbs import _compared, _images, _page, watch
from jgan.workdir import append

playwright = pytest.importorskip(
    'playwright.sync_api', reason='install playwright, and Chromium, for these')

RNG = np.random.default_rng(0)


@pytest.fixture(scope='module')
def browser():
  program = os.environ.get('CHROMIUM') or next(filter(None, map(
      shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
  if not program:
    pytest.skip('there is no Chromium: install it, or set $CHROMIUM')
  with playwright.sync_playwright() as driver:
    chromium = driver.chromium.launch(
        executable_path=program, args=['--no-sandbox', '--disable-gpu'])
    yield chromium
    chromium.close()


class Tab:
  """A page of the browser, and what it did."""

  def __init__(self, browser, address, width):
    self.said, self.requests = [], []
    self.page = browser.new_page(viewport={'width': width, 'height': 800})
    self.page.on('console', lambda message: self.said.append(message.text))
    self.page.on('pageerror', lambda error: self.said.append(str(error)))
    self.page.on('request', lambda request: self.requests.append(request.url))
    self.page.goto(address)
    self.page.wait_for_selector('html[data-ready]')

  def value(self, program):
    return self.page.evaluate(program)

  def until(self, program):
    # Not wait_for_function, which the page's policy forbids.
    for _ in range(400):
      if self.value(program):
        return
      time.sleep(.05)
    raise AssertionError(f'{program} did not become true')


@pytest.fixture
def runs(tiny, tmp_path, files):
  return [files.written(tiny, tmp_path / name, seed=seed)
          for seed, name in enumerate(('<b>a</b>'.replace('/', '_'), 'b'))]


@pytest.mark.parametrize('width', [1280, 480])
def test_a_page_is_whole_at_this_width(browser, runs, tmp_path, width):
  names = [run.name for run in runs]
  loaded = [_compared.glimpsed(run, name)._replace(
      size={'params': 9, 'mb': .1, 'macs': 9, 'macs_thop': 9})
            for run, name in zip(runs, names)]
  images = RNG.integers(0, 256, (36, 16, 16, 1), np.uint8)
  made = {name: _images.Images(images, 8, images[:24], 8) for name in names}
  profiles = {name: RNG.uniform(size=(5, 9)) for name in ('real', *names)}
  sections = _page.of_runs(loaded, runs, images=made, profiles=profiles,
                           times={1: dict.fromkeys(names, .1)})
  path = tmp_path / 'index.html'
  path.write_text(render.html(_page.title(names), names, sections))
  tab = Tab(browser, path.as_uri(), width)

  assert tab.value('document.documentElement.scrollWidth') <= width
  drawn = tab.value('[...document.querySelectorAll(".canvas")].map(canvas =>'
                    'canvas.querySelectorAll(".trace").length)')
  assert len(drawn) == 5 and all(count >= 2 for count in drawn)
  assert tab.value('[...document.images].every(image => image.naturalWidth)')
  buttons = tab.value('[...document.querySelectorAll(".modebar-btn")].map('
                      'button => button.dataset.title)')
  assert 'Zoom' in buttons and not any('Share' in each for each in buttons)

  # A click on a run in a legend hides it everywhere.
  legend = tab.page.locator('#plot-curve-gen\\/loss .legendtoggle').first
  legend.click()
  button = tab.page.locator('#runs button').first
  assert button.text_content() == names[0]
  tab.until('document.querySelector("#runs button").ariaPressed === "false"')
  hidden = ('[...document.querySelectorAll(".js-plotly-plot")].map(canvas =>'
            'canvas.data.filter(trace => trace.meta && trace.meta.run =='
            f'"{names[0]}").every(trace => trace.visible === "legendonly"))')
  assert all(tab.value(hidden))
  assert not tab.page.locator('#samples figure').first.is_visible()
  button.click()
  assert not any(tab.value(hidden))
  assert tab.page.locator('#samples figure').first.is_visible()

  # The slider goes through the steps.
  slider = tab.page.locator('#samples-film-1-step')
  slider.focus()
  slider.press('Home')
  assert tab.page.locator('#samples-film-1 figcaption').first.text_content(
      ) == f'{names[0]}, step 1'

  # The axes of the trade-off are chosen.
  tab.page.locator('#plot-tradeoff select').first.select_option(
      label='ms for a batch of 1')
  tab.until('document.querySelector("#plot-tradeoff .canvas").layout.xaxis'
            '.title.text.startsWith("ms")')
  assert tab.said == []
  assert [url for url in tab.requests
          if not url.startswith(('data:', 'blob:'))] == [path.as_uri()]
  tab.page.close()


def test_the_rest_of_many_plots_is_drawn_when_it_is_opened(
    browser, tiny, tmp_path, files):
  run = files.written(tiny, tmp_path / 'a')
  for step in (5, 6):
    append(run / 'metrics.jsonl', {
        'step': step, **{f'value_{i:02}': float(i + step) for i in range(20)}})
  sections = _page.of_runs([_compared.glimpsed(run, 'a')], [run])
  path = tmp_path / 'index.html'
  path.write_text(render.html('a', ['a'], sections))
  tab = Tab(browser, path.as_uri(), 480)
  drawn = 'document.querySelectorAll("#curves .js-plotly-plot").length'
  assert tab.value(drawn) == 12
  tab.page.locator('#curves-more summary').click()
  tab.until(f'{drawn} === 21')
  assert tab.value('document.documentElement.scrollWidth') <= 480
  assert tab.said == []
  tab.page.close()


def test_a_served_page_keeps_what_the_reader_chose(browser, runs, files):
  watched = watch.Watched(runs, every=.2)
  server = serve.server(0, watched.page, watched.changes)
  thread = threading.Thread(target=server.serve_forever, args=(.02,))
  thread.start()
  tab = Tab(browser, f'http://127.0.0.1:{server.server_port}/', 1280)
  canvas = 'document.querySelector("#plot-curve-gen\\\\/loss .canvas")'
  try:
    tab.page.locator('#runs button').last.wait_for(state='attached')
    tab.page.locator('#runs button').nth(1).click()
    box = tab.page.locator('#plot-curve-gen\\/loss .nsewdrag')
    box.scroll_into_view_if_needed()
    at = box.bounding_box()
    x, y = at['x'] + .2 * at['width'], at['y'] + .2 * at['height']
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x + .5 * at['width'], y + .5 * at['height'], steps=4)
    tab.page.mouse.up()
    zoomed = f'{canvas}.layout.xaxis.range'
    tab.until(f'{zoomed}[0] > 1 && {zoomed}[1] < 4')
    chosen = tab.value(zoomed)
    tab.page.locator('#samples-film-1-step').press('Home')

    for run in runs:
      files.added(run, 5, 1.)
    tab.until(f'{canvas}.data[0].x.length === 5')
    tab.until('document.querySelector("#samples-film-1-step").max === "4"')
    tab.until('document.getElementById("live").textContent.includes('
              '"changes every 0.2 seconds")')
    assert tab.value(zoomed) == chosen
    assert tab.value(f'{canvas}.data[1].visible') == 'legendonly'
    assert tab.page.locator('#samples-film-1 output').text_content() == '1'
    assert tab.page.locator('#overview tr[data-run="b"]').is_hidden()
    assert tab.said == []
    assert all(url.startswith((f'http://127.0.0.1:{server.server_port}/',
                               'data:', 'blob:')) for url in tab.requests)
  finally:
    tab.page.close()
    server.shutdown()
    thread.join()
    server.server_close()
