// "What kairos sees": the visitor's own profile beside the shop, fed by the SDK's public hooks.
(() => {
  'use strict';
  const OPEN = 'drawer.open';
  const FEED_MAX = 7;
  const seen = new Map();
  let twice = 0;

  const make = (tag, name, ...children) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...children);
    return element;
  };
  const section = (title) => {
    const body = make('div');
    return { body, element: make('section', '', make('h3', '', title), body) };
  };

  const scores = section('Intent');
  const concepts = section('Concepts');
  const last = section('Last decision');
  const ledger = section('Where the time went');
  const feed = section('Events');
  const proof = section('Nothing lost, nothing twice');
  const parts = [last, scores, concepts, ledger, feed, proof];
  const close = make('button', 'kd-close', '×');
  close.setAttribute('aria-label', 'Close');
  const stage = make('span', 'kd-stage', 'waiting for the first decision');
  const head = make('header', '', make('b', '', 'What kairos sees'), stage, close);
  const panel = make('aside', 'kd-panel', head, ...parts.map((part) => part.element));
  panel.setAttribute('aria-label', 'What kairos sees');
  panel.setAttribute('data-kairos-norage', '');
  const handle = make('button', 'kd-handle', 'What kairos sees');

  function toggle(open) {
    panel.classList.toggle('kd-open', open);
    handle.hidden = open;
    document.documentElement.classList.toggle('kd-beside', open);
    localStorage.setItem(OPEN, open ? '1' : '0');
  }
  handle.addEventListener('click', () => toggle(true));
  close.addEventListener('click', () => toggle(false));

  function bar(name, share) {
    const fill = make('i');
    fill.style.width = `${Math.round(share * 100)}%`;
    const label = name.replaceAll('_', ' ');
    return make('div', 'kd-bar', make('span', '', label), make('div', '', fill),
      make('b', '', share.toFixed(2)));
  }

  const shares = (values) => Object.entries(values || {}).filter(([, share]) => share !== null);

  function bars(part, values) {
    const sorted = shares(values).sort((a, b) => b[1] - a[1]);
    const rows = sorted.map(([name, share]) => bar(name, share));
    part.body.replaceChildren(...(rows.length ? rows : [make('p', '', 'Rules decide: no model.')]));
  }

  const euro = (micros) => '€' + (micros / 1e6).toFixed(2);

  function candidate(each, winner) {
    const quality = (each.quality_ppm / 1e4).toFixed(2) + ' %';
    const price = each.campaign_id === winner && each.price_micros ? euro(each.price_micros) : '';
    return make('tr', each.campaign_id === winner ? 'kd-won' : '',
      make('td', '', each.campaign_id), make('td', '', euro(each.bid_micros)),
      make('td', '', quality), make('td', '', price));
  }

  function decided(frame) {
    const won = frame.type === 'decision';
    const title = won ? frame.campaign_id : `nothing: ${(frame.reason || '').replaceAll('_', ' ')}`;
    const lines = [make('p', won ? 'kd-title kd-win' : 'kd-title', title)];
    if (frame.explain) lines.push(make('p', 'kd-sentence', frame.explain.sentence));
    const rows = (frame.candidates || []).slice(0, 5);
    if (rows.length) {
      const heads = ['campaign', 'bid', 'quality', 'price'].map((text) => make('th', '', text));
      const body = rows.map((each) => candidate(each, frame.campaign_id));
      lines.push(make('table', '', make('thead', '', make('tr', '', ...heads)),
        make('tbody', '', ...body)));
    }
    last.body.replaceChildren(...lines);
    const ms = frame.latency_ms === undefined ? '' : ` · ${frame.latency_ms} ms`;
    stage.textContent = `${(frame.stage || '').replaceAll('_', ' ')}${ms}`;
  }

  function time(name, ms) {
    return make('li', '', make('span', '', name), make('b', '', `${ms.toFixed(1)} ms`));
  }

  function ledgered(entry) {
    if (!entry || !entry.us) return;
    const stages = Object.values(entry.us).reduce((sum, us) => sum + us, 0) / 1000;
    const rows = [
      time('gateway to job', entry.consumed_at_ms - entry.received_at_ms),
      ...Object.entries(entry.us).map(([name, us]) => time(name, us / 1000)),
      time('in the job', stages),
      time('job to browser', entry.pushed_at_ms - entry.emitted_at_ms),
    ];
    ledger.body.replaceChildren(make('ul', 'kd-times', ...rows));
  }

  function proved(counts) {
    const acked = window.kairos.debug.counts?.acked ?? 0;
    const sum = counts ? counts.applied + counts.duplicate + counts.late + counts.dead_lettered : 0;
    const line = counts
      ? `applied ${counts.applied} + duplicate ${counts.duplicate} + late ${counts.late} + ` +
        `dead-lettered ${counts.dead_lettered} = ${sum}`
      : 'waiting for counts';
    proof.body.replaceChildren(
      make('p', '', line),
      make('p', '', `acknowledged on this page: ${acked}`),
      make('p', twice ? 'kd-bad' : 'kd-good', `slots decided twice: ${twice}`),
    );
  }

  function frame(message) {
    if (!message || !['decision', 'none'].includes(message.type)) return;
    const former = seen.get(message.slot_id);
    if (former && former !== message.decision_id) twice += 1;
    seen.set(message.slot_id, message.decision_id);
    decided(message);
    if (message.scores) bars(scores, message.scores);
    if (message.explain) bars(concepts, message.explain.concepts);
    ledgered(message.ledger);
    proved(message.counts);
  }

  function event(happened) {
    const what = happened.product?.name || happened.page?.path || '';
    feed.body.prepend(make('p', 'kd-event', make('b', '', happened.type.replaceAll('_', ' ')),
      make('span', '', ` ${what}`)));
    while (feed.body.children.length > FEED_MAX) feed.body.lastChild.remove();
  }

  document.body.append(handle, panel);
  toggle(localStorage.getItem(OPEN) !== '0' && innerWidth > 1100);
  proved(null);
  if (!window.kairos) return;
  window.kairos.onFrame(frame);
  window.kairos.onEvent(event);
})();
