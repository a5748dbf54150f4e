// "What kairos sees": the visitor's own profile beside the shop, fed by the SDK's public hooks.
(() => {
  'use strict';
  const OPEN = 'drawer.open';
  const VISIT = 'drawer.visit';
  const FEED_MAX = 6;
  const TOGETHER_MS = 1500;
  const LATEST_MS = 500;
  const SETTLED_MS = 700;
  const LOOK_MS = 3000;
  const MIX_MAX = 6;
  const NOBODY = { acked: 0, beaconed: 0, epoch: null, feed: [] };
  const seen = new Map();
  let twice = 0;
  let counts = null;
  let wonAt_ms = -Infinity;

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
  const learning = section('What it has learned');
  const feed = section('Events');
  const proof = section('Nothing lost, nothing twice');
  const parts = [last, scores, concepts, learning, ledger, proof, feed];
  const close = make('button', 'kd-close', '×');
  close.setAttribute('aria-label', 'Close');
  const stage = make('span', 'kd-stage', 'Waiting for the first decision');
  const head = make('header', '', make('b', '', 'What kairos sees'), close, stage);
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

  const percent = (ppm, digits) => (ppm / 1e4).toFixed(digits) + ' %';

  function candidate(each, winner) {
    const price = each.campaign_id === winner && each.price_micros ? euro(each.price_micros) : '';
    return make('tr', each.campaign_id === winner ? 'kd-won' : '',
      make('td', '', each.campaign_id), make('td', '', euro(each.bid_micros)),
      make('td', '', percent(each.quality_ppm, 2)),
      make('td', '', percent(each.propensity_ppm, 0)), make('td', '', price));
  }

  const WHY = { when: 'condition', stage_used: 'one action a stage', cap_session: 'cap',
    cap_day: 'cap', excluded: 'exclusion group', trigger: 'other trigger' };
  const removed = ([code, count]) => `${WHY[code] || code.replaceAll('_', ' ')} ${count}`;

  function decided(frame) {
    const won = frame.type === 'decision';
    const title = won ? frame.campaign_id : `nothing: ${(frame.reason || '').replaceAll('_', ' ')}`;
    const lines = [make('p', won ? 'kd-title kd-win' : 'kd-title', title)];
    if (frame.explain) lines.push(make('p', 'kd-sentence', frame.explain.sentence));
    const rows = (frame.candidates || []).slice(0, 5);
    if (rows.length) {
      const names = ['campaign', 'bid', 'quality', 'chance', 'price'];
      const heads = names.map((text) => make('th', '', text));
      const body = rows.map((each) => candidate(each, frame.campaign_id));
      lines.push(make('table', '', make('thead', '', make('tr', '', ...heads)),
        make('tbody', '', ...body)));
    }
    const learned = frame.versions?.policy;
    if (learned) lines.push(make('p', 'kd-out', `Policy ${learned}` +
      (frame.explored ? ' · explored: the draw chose another than the best' : '') +
      (frame.nothing ? ` · chance of nothing ${percent(frame.nothing.propensity_ppm, 0)}` : '')));
    const out = Object.entries(frame.removed || {});
    if (out.length) lines.push(make('p', 'kd-out', 'Out: ' + out.map(removed).join(' · ')));
    // A view of a page and of its product arrive together; the win of one stays to be read.
    if (won) wonAt_ms = performance.now();
    if (won || performance.now() - wonAt_ms > TOGETHER_MS) last.body.replaceChildren(...lines);
    const ms = frame.latency_ms === undefined ? '' : ` · decided in ${short(frame.latency_ms)}`;
    stage.textContent = `Stage ${(frame.stage || 'unknown').replaceAll('_', ' ')}${ms}`;
  }

  const short = (ms) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;

  function time(name, ms) {
    return make('li', '', make('span', '', name), make('b', '', short(ms)));
  }

  function ledgered(entry) {
    if (!entry || !entry.us) return;
    const stages = Object.values(entry.us).reduce((sum, us) => sum + us, 0) / 1000;
    const rows = [
      time('to job', entry.consumed_at_ms - entry.received_at_ms),
      ...Object.entries(entry.us).map(([name, us]) => time(name, us / 1000)),
      time('in the job', stages),
      time('to browser', entry.pushed_at_ms - entry.emitted_at_ms),
    ];
    ledger.body.replaceChildren(make('ul', 'kd-times', ...rows));
  }

  // What earlier pages of this visitor handed over; without consent each page is somebody new.
  const remembered = document.querySelector('[data-consent]')?.dataset.consent === 'granted';
  if (!remembered) localStorage.removeItem(VISIT);
  const kept = remembered && JSON.parse(localStorage.getItem(VISIT));
  const visit = { ...NOBODY, ...kept };
  const told = new Set(visit.feed.map(([, , event_id]) => event_id));

  function handedOver() {
    const here = window.kairos?.debug.counts || { acked: 0, duplicates: 0, beaconed: 0 };
    // A duplicate is the answer to what an earlier page had sent and never heard back about.
    return { acked: visit.acked + here.acked + here.duplicates,
      beaconed: visit.beaconed + here.beaconed };
  }

  function keep() {
    if (remembered) localStorage.setItem(VISIT, JSON.stringify({ ...visit, ...handedOver() }));
  }

  const total = (of) => of.applied + of.duplicate + of.late + of.dead_lettered;

  function proved() {
    const { applied, duplicate, late, dead_lettered } = counts;
    const sum = total(counts);
    const { acked, beaconed } = handedOver();
    const since = acked + beaconed - sum;
    const sent = `of ${acked} acknowledged` + (beaconed ? ` + ${beaconed} by beacon` : '');
    proof.body.replaceChildren(
      make('p', 'kd-sum', `applied ${applied} + duplicate ${duplicate} + late ${late} + ` +
        `dead-lettered ${dead_lettered} = ${sum}`),
      make('p', since ? '' : 'kd-good', since > 0 ? `${sent}, ${since} since then` : sent),
      make('p', twice ? 'kd-bad' : 'kd-good', `slots decided twice: ${twice}`),
    );
  }

  function row([type, what]) {
    return make('p', 'kd-event', make('b', '', type.replaceAll('_', ' ')), make('span', '', what));
  }

  function happened(type, what, event_id) {
    if (told.has(event_id)) return;
    told.add(event_id);
    visit.feed = [[type, what, event_id], ...visit.feed].slice(0, FEED_MAX);
    feed.body.replaceChildren(...visit.feed.map(row));
  }

  function frame(message) {
    // An answer to a post says its reason only; the frame with all the rest follows it.
    if (!message?.slot_id || !['decision', 'none'].includes(message.type)) return;
    const former = seen.get(message.slot_id);
    if (former && former !== message.decision_id) twice += 1;
    seen.set(message.slot_id, message.decision_id);
    // The visitor's page comes first: what is drawn here waits until it has nothing to do.
    requestIdleCallback(() => show(message), { timeout: LATEST_MS });
  }

  function show(message) {
    decided(message);
    if (message.scores) bars(scores, message.scores);
    if (message.explain) {
      bars(concepts, message.explain.concepts);
      // The view of this page left before the drawer was there to hear of it.
      const { kind, event_id } = message.explain.trigger;
      if (event_id) happened(kind, location.pathname, event_id);
    }
    ledgered(message.ledger);
    if (!message.counts) return;
    // A profile of another birth counts from zero: the shop has forgotten this visitor.
    const epoch = message.epoch || visit.epoch;
    if (visit.epoch && visit.epoch !== epoch) {
      Object.assign(visit, NOBODY);
      counts = null;
    }
    visit.epoch = epoch;
    // What a reconnect brings again was counted before.
    if (counts && total(message.counts) < total(counts)) return;
    counts = message.counts;
    proved();
    // An answer to the events may come after what they led to.
    setTimeout(proved, SETTLED_MS);
  }

  function event({ type, product, page, event_id }) {
    happened(type, product?.name || page?.path || '', event_id);
  }

  function campaign({ campaign_id, share, before }) {
    const row = bar(campaign_id.toLowerCase(), share);
    const turned = Math.round((share - before) * 100);
    row.title = `${turned < 0 ? '' : '+'}${turned} points against the minute before`;
    return row;
  }

  const whole = new Intl.NumberFormat('en');

  function learned({ policy, explored, mix, lift }) {
    const rests = `${whole.format(policy.rewards)} outcomes`;
    const tried = `${Math.round(explored * 100)} % of actions explored`;
    const version = policy.version ? `Policy ${policy.version}, ${rests}, ${tried}`
      : 'No policy yet: priors bid.';
    const lines = [make('p', '', version)];
    if (lift) lines.push(make('p', 'kd-sentence', lift));
    lines.push(make('p', 'kd-out', 'Shown in the last minute, to simulated visitors'));
    learning.body.replaceChildren(...lines, ...mix.slice(0, MIX_MAX).map(campaign));
  }

  async function look() {
    if (!document.hidden && panel.classList.contains('kd-open')) {
      const answer = await fetch('/insight.json').catch(() => null);
      if (!answer?.ok) return void (learning.element.hidden = true);
      learned(await answer.json());
    }
    setTimeout(look, LOOK_MS);
  }

  document.body.append(handle, panel);
  toggle(localStorage.getItem(OPEN) !== '0' && innerWidth > 1100);
  feed.body.replaceChildren(...visit.feed.map(row));
  proof.body.textContent = 'Waiting for the first counts.';
  look();
  // This script comes before the SDK, so that no frame is there before somebody listens.
  document.addEventListener('kairos:ready', () => {
    window.kairos.onFrame(frame);
    window.kairos.onEvent(event);
    addEventListener('pagehide', keep);
    addEventListener('visibilitychange', keep);
  });
})();
