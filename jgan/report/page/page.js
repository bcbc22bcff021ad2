'use strict';
// Draws the plots of a page, and keeps what the reader chose while it changes.
(() => {
  const about = JSON.parse(document.getElementById('about').textContent);
  const bar = document.getElementById('runs');
  const hidden = new Set();     // names of runs
  const drawn = new Map();      // id of a figure -> its JSON, as drawn
  const chosen = new Map();     // id of a figure -> indices of its choices
  const films = new Map();      // id of a film -> chosen step, newest if none
  const smoothing = new Map();  // name of a section -> from 0 to 1
  const coarse = matchMedia('(pointer: coarse)').matches;
  const dark = matchMedia('(prefers-color-scheme: dark)');

  const css = name => getComputedStyle(document.documentElement)
      .getPropertyValue(name).trim();
  const clone = value => JSON.parse(JSON.stringify(value));

  // ---- plots

  function figuresOf(section) {
    return JSON.parse(section.querySelector('script.figures').textContent);
  }

  /** Exponential moving average that does not start at zero; gaps stay. */
  function smoothed(values, weight) {
    let mean = 0, total = 0;
    return values.map(value => {
      if (value === null) return null;
      mean = weight * mean + (1 - weight) * value;
      total = weight * total + (1 - weight);
      return mean / total;
    });
  }

  function tracesOf(figure, weight) {
    let {data, layout} = figure;
    if (figure.choices) {
      let variant = figure.variants;
      for (const index of chosen.get(figure.id)) variant = variant[index];
      ({data, layout} = variant);
    }
    data = clone(data);
    if (weight && figure.smooth) {
      data = data.flatMap(trace => [
        {...clone(trace), uid: `${trace.uid} raw`, opacity: .25,
         mode: 'lines', showlegend: false, hoverinfo: 'skip'},
        {...trace, y: smoothed(trace.y, weight)}]);
    }
    const ink = css('--ink');
    for (const trace of data) {
      for (const part of [trace.line, trace.marker]) {
        if (part && part.color === 'ink') part.color = ink;
      }
      if (trace.meta && hidden.has(trace.meta.run)) {
        trace.visible = 'legendonly';
      }
    }
    return [data, themed(layout, data, figure)];
  }

  function themed(given, data, figure) {
    const layout = clone(given), ink = css('--ink'), line = css('--line');
    for (const note of layout.annotations || []) {
      note.font = {...note.font, color: css('--link')};
      note.arrowcolor = css('--link');
    }
    for (const shape of layout.shapes || []) {
      if (shape.line.color === 'ink') shape.line.color = ink;
    }
    for (const axis of ['xaxis', 'yaxis']) {
      layout[axis] = {automargin: true, gridcolor: line, zerolinecolor: line,
                      linecolor: line, exponentformat: 'SI',
                      hoverformat: axis === 'yaxis' ? '.6~g' : '',
                      ...layout[axis]};
    }
    const named = data.filter(trace => trace.showlegend !== false).length;
    return {
      autosize: true, height: figure.wide ? 400 : 300, uirevision: 'kept',
      margin: {l: 50, r: 14, t: 10, b: 40},
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
      font: {color: ink, size: 12,
             family: getComputedStyle(document.body).fontFamily},
      hovermode: named > 12 ? 'closest' : 'x unified',
      hoverlabel: {bgcolor: css('--wash'), bordercolor: line,
                   font: {color: ink}, namelength: -1},
      showlegend: named > 1 && named <= 10,
      legend: {orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom',
               traceorder: 'normal'},
      dragmode: coarse ? false : 'zoom', ...layout};
  }

  async function draw(section, figure) {
    const canvas = document.querySelector(
        `#${CSS.escape('plot-' + figure.id)} .canvas`);
    const weight = smoothing.get(section.id) || 0;
    const [data, layout] = tracesOf(figure, weight);
    const first = !canvas.classList.contains('js-plotly-plot');
    await Plotly.react(canvas, data, layout, {
      responsive: true, displaylogo: false, showSendToCloud: false,
      modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d']});
    if (first) {
      canvas.on('plotly_legendclick', event => {
        const run = runOf(event);
        if (run === undefined) return true;
        toggle(run);
        return false;
      });
      canvas.on('plotly_legenddoubleclick', event => {
        const run = runOf(event);
        if (run === undefined) return true;
        isolate(run);
        return false;
      });
    }
    canvas.dataset.traces = data.length;
  }

  function runOf(event) {
    return (event.data[event.curveNumber].meta || {}).run;
  }

  /** Selects for the axes of a figure that has a choice of them. */
  function offer(section, figure) {
    if (!figure.choices) return;
    const indices = chosen.get(figure.id) || figure.choices.map(() => 0);
    chosen.set(figure.id, indices.map(
        (index, i) => index < figure.choices[i].options.length ? index : 0));
    const box = document.querySelector(
        `#${CSS.escape('plot-' + figure.id)} .choices`);
    box.replaceChildren(...figure.choices.map((choice, i) => {
      const label = document.createElement('label');
      const select = document.createElement('select');
      label.append(choice.label, select);
      choice.options.forEach((option, index) => select.add(
          new Option(option, index, false,
                     index === chosen.get(figure.id)[i])));
      select.addEventListener('change', () => {
        chosen.get(figure.id)[i] = Number(select.value);
        draw(section, figure);
      });
      return label;
    }));
  }

  async function drawSection(section, force = false) {
    for (const figure of figuresOf(section)) {
      const text = JSON.stringify(figure);
      if (!force && drawn.get(figure.id) === text) continue;
      const place = document.getElementById(`plot-${figure.id}`);
      if (place.closest('details:not([open])')) {
        drawn.delete(figure.id);
        continue;
      }
      drawn.set(figure.id, text);
      offer(section, figure);
      await draw(section, figure);
      await new Promise(resolve => setTimeout(resolve));  // stay responsive
    }
  }

  const sections = () => [...document.querySelectorAll('main > section')];

  async function drawAll(force = false) {
    for (const section of sections()) await drawSection(section, force);
  }

  // ---- runs that are hidden

  function toggle(run) {
    if (!hidden.delete(run)) hidden.add(run);
    apply();
  }

  function isolate(run) {
    const others = about.runs.map(each => each.name).filter(x => x !== run);
    const alone = !hidden.has(run) && others.every(x => hidden.has(x));
    hidden.clear();
    if (!alone) others.forEach(x => hidden.add(x));
    apply();
  }

  function apply() {
    for (const element of document.querySelectorAll('[data-run]')) {
      element.classList.toggle('off', hidden.has(element.dataset.run));
    }
    for (const canvas of document.querySelectorAll('.js-plotly-plot')) {
      Plotly.restyle(canvas, {visible: canvas.data.map(
          trace => trace.meta && hidden.has(trace.meta.run)
              ? 'legendonly' : true)});
    }
    showBar();
  }

  function showBar() {
    if (about.runs.length < 2) return;
    bar.classList.toggle('many', about.runs.length > 12);
    if (!bar.children.length) {
      for (const run of about.runs) {
        const button = document.createElement('button');
        button.type = 'button';
        button.textContent = run.name;
        button.style.setProperty('--run', run.color);
        button.title = 'Click to hide or show; double-click to see it alone';
        button.addEventListener('click', () => toggle(run.name));
        button.addEventListener('dblclick', () => isolate(run.name));
        bar.append(button);
      }
      const all = document.createElement('button');
      all.type = 'button';
      all.className = 'all';
      all.textContent = 'show all';
      all.addEventListener('click', () => { hidden.clear(); apply(); });
      bar.append(all);
    }
    about.runs.forEach((run, i) => bar.children[i].setAttribute(
        'aria-pressed', String(!hidden.has(run.name))));
    bar.lastChild.hidden = !hidden.size;
  }

  // ---- sliders

  function startFilm(film) {
    const frames = JSON.parse(film.querySelector('.frames').textContent);
    const steps = [...new Set(Object.values(frames).flatMap(
        list => list.map(([step]) => step)))].sort((a, b) => a - b);
    const input = film.querySelector('input');
    const output = film.querySelector('output');
    const button = film.querySelector('button');
    const last = steps.length - 1;
    film.querySelector('.slider').classList.toggle('off', last < 1);
    input.max = last;
    const kept = films.has(film.id) ? steps.indexOf(films.get(film.id)) : -1;
    input.value = kept < 0 ? last : kept;

    function show() {
      const step = steps[input.value];
      if (Number(input.value) === last) films.delete(film.id);
      else films.set(film.id, step);
      output.textContent = step.toLocaleString('en');
      input.setAttribute('aria-valuetext', `step ${output.textContent}`);
      for (const figure of film.querySelectorAll('.picture')) {
        const list = frames[figure.dataset.run];
        const before = list.filter(([each]) => each <= step);
        const [, [source, text, caption]] =
            before.length ? before[before.length - 1] : list[0];
        const image = figure.querySelector('img');
        if (image.src !== source) image.src = source;
        image.alt = text;
        figure.querySelector('figcaption').textContent = caption;
      }
    }

    let timer = 0;
    button.addEventListener('click', () => {
      if (timer) {
        clearInterval(timer);
        timer = 0;
      } else {
        timer = setInterval(() => {
          if (!film.isConnected) clearInterval(timer);
          input.value = Number(input.value) < last ? Number(input.value) + 1 : 0;
          show();
        }, 500);
      }
      button.textContent = timer ? 'stop' : 'play';
    });
    input.addEventListener('input', show);
    show();
  }

  function start(section) {
    section.querySelectorAll('.film').forEach(startFilm);
    section.querySelectorAll('details.more').forEach(part =>
        part.addEventListener('toggle', () => drawSection(section)));
    const input = section.querySelector('.smoothing');
    if (!input) return;
    const output = input.parentElement.querySelector('output');
    input.value = smoothing.get(section.id) || 0;
    const say = () => { output.textContent =
        Number(input.value) ? Number(input.value).toFixed(2) : 'none'; };
    say();
    input.addEventListener('input', () => {
      smoothing.set(section.id, Number(input.value));
      say();
      figuresOf(section).filter(figure => figure.smooth)
          .filter(figure => drawn.has(figure.id))
          .forEach(figure => draw(section, figure));
    });
  }

  // ---- a page that is served while a run trains

  /** Puts a new section in the place of an old one, with its drawn plots. */
  function replace(old, section) {
    const focused = document.activeElement && document.activeElement.id;
    for (const figure of section.querySelectorAll('figure.plot')) {
      const before = document.getElementById(figure.id);
      if (!before) continue;
      before.querySelector('figcaption').replaceWith(
          figure.querySelector('figcaption'));
      figure.replaceWith(before);
    }
    for (const part of section.querySelectorAll('details')) {
      const before = document.getElementById(part.id);
      part.open = Boolean(before && before.open);
    }
    for (const canvas of old.querySelectorAll('.js-plotly-plot')) {
      Plotly.purge(canvas);  // of figures that are no more
      drawn.delete(canvas.parentElement.id.slice('plot-'.length));
    }
    old.replaceWith(section);
    if (focused && document.activeElement.id !== focused) {
      const element = document.getElementById(focused);
      if (element) element.focus({preventScroll: true});
    }
  }

  async function update(changes) {
    about.runs = changes.runs;
    const main = document.querySelector('main');
    const names = new Set(changes.sections.map(section => section.name));
    sections().filter(section => !names.has(section.id))
        .forEach(section => section.remove());
    for (const [i, {name, html}] of changes.sections.entries()) {
      if (!html) continue;
      const holder = document.createElement('template');
      holder.innerHTML = html;
      const section = holder.content.querySelector('section');
      const old = document.getElementById(name);
      if (old) replace(old, section);
      else main.insertBefore(section, sections()[i] || null);
      start(section);
      await drawSection(section);
    }
    const links = document.querySelector('nav');
    links.replaceChildren(...sections().map(section => {
      const link = document.createElement('a');
      link.href = `#${section.id}`;
      link.textContent = section.querySelector('h2').textContent;
      return link;
    }));
    apply();
  }

  let busy = false;

  async function refresh() {
    if (busy || document.hidden) return;
    busy = true;
    const live = document.getElementById('live');
    let said = `; looks for changes every ${about.every} seconds`;
    try {
      const known = sections().map(section => section.dataset.mark);
      const response = await fetch(`changes.json?known=${known.join(',')}`);
      if (!response.ok) throw new Error(response.statusText);
      const changes = await response.json();
      if (changes.sections.some(section => section.html) ||
          changes.sections.length !== known.length) await update(changes);
    } catch (error) {
      said = `; not refreshed any more: ${error.message}`;
    }
    live.hidden = false;
    if (live.textContent !== said) live.textContent = said;
    busy = false;
  }

  // ----

  sections().forEach(start);
  showBar();
  drawAll().then(() => {
    document.documentElement.dataset.ready = 'true';
    if (!about.every) return;
    setInterval(refresh, 1000 * about.every);
    document.addEventListener('visibilitychange', refresh);
  });
  dark.addEventListener('change', () => drawAll(true));
})();
