import { makeElement as make } from '../render/makeElement';
import type { Look, Tracker } from '../lib/tracker';
import css from './overlay.css';

const REFRESH_MS = 500;
type Loose = Record<string, unknown>;
let close: (() => void) | null = null;

/** The overlay at the lower left; a second call closes it. */
export function openOverlay(tracker: Tracker): void {
  if (close) return close();
  const host = document.createElement('div');
  const root = host.attachShadow({ mode: 'closed' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  const body = make('div', { class: 'body' });
  const button = make('button', { type: 'button', 'aria-label': 'Close' }, '\u00d7');
  const head = make('header', {}, make('b', {}, 'kairos'), button);
  root.append(
    make('aside', { 'aria-label': 'kairos debug', 'data-kairos-norage': '' }, head, body),
  );
  let shown = '';
  const draw = () => {
    const look = tracker.look();
    const text = JSON.stringify([look, tracker.counts]);
    if (text === shown) return;
    shown = text;
    body.replaceChildren(
      ...[connection(look, tracker), decision(look), ledger(look), events(look)],
    );
  };
  draw();
  const timer = setInterval(draw, REFRESH_MS);
  close = () => {
    clearInterval(timer);
    host.remove();
    close = null;
  };
  button.onclick = close;
  document.body.append(host);
}

function section(title: string, ...rows: (Node | null)[]): HTMLElement {
  return make('section', {}, make('h3', {}, title), ...rows);
}

function row(name: string, value: string, kind = ''): HTMLElement {
  return make('p', { class: kind }, make('span', {}, name), make('b', {}, value));
}

function connection(look: Look, { counts }: Tracker): HTMLElement {
  const { consent, until } = look;
  const allowed = Object.entries(consent || {}).filter(([, yes]) => yes);
  const names = allowed.map(([name]) => name).join(', ') || 'nothing';
  const choice = until
    ? until
    : consent
      ? names
      : "absent: the site's default";
  const socket = look.live ? 'open' : `closed, ${look.failures} tries`;
  const { acked, duplicates, rejected, beaconed, dropped } = counts;
  return section(
    'Connection',
    row('socket', socket, look.live ? 'good' : 'bad'),
    row('consent', choice),
    row('accepted', `${acked} + ${duplicates} twice + ${beaconed} by beacon`),
    row('rejected, dropped', `${rejected}, ${dropped}`, rejected + dropped ? 'bad' : ''),
    row('waiting', String(look.waiting)),
  );
}

function decision({ last }: Look): HTMLElement {
  const frame = last as Loose | null;
  if (!frame) return section('Last decision', row('none yet', ''));
  const won = frame.type === 'decision';
  const explain = frame.explain as { sentence?: string } | undefined;
  return section(
    'Last decision',
    won
      ? row(String(frame.campaign_id), String(frame.action_type), 'good')
      : row('nothing', String(frame.reason).replace(/_/g, ' '), 'bad'),
    won ? row('source', String(frame.source)) : null,
    frame.slot_id ? row('slot', String(frame.slot_id)) : null,
    explain?.sentence ? make('p', { class: 'sentence' }, explain.sentence) : null,
  );
}

function ledger({ last }: Look): HTMLElement {
  const entry = (last as Loose | null)?.ledger as Record<string, never> | undefined;
  const us = (entry?.us || {}) as Record<string, number>;
  const ms = (value: number) => value.toFixed(value < 10 ? 2 : 0) + ' ms';
  const stages = Object.entries(us).map(([name, spent]) => row(name, ms(spent / 1_000)));
  const hop = (name: string, from: string, to: string) =>
    entry?.[from] && entry[to] ? row(name, ms(entry[to] - entry[from])) : null;
  const rows = [
    hop('to the job', 'received_at_ms', 'consumed_at_ms'),
    ...stages,
    hop('back to the gateway', 'emitted_at_ms', 'pushed_at_ms'),
  ];
  const told = rows.some(Boolean);
  return section('Ledger', ...(told ? rows : [row('only for push: full sites', '')]));
}

function events({ recent }: Look): HTMLElement {
  const rows = [...recent].reverse().map(({ event, verdict = 'waits' }) => {
    const what = event.product?.id || event.page?.path || '';
    const good = verdict === 'accepted' ? 'good' : /^re/.test(verdict) ? 'bad' : '';
    const name = `${event.session_index} ${event.type.replace(/_/g, ' ')} ${what}`;
    return row(name, verdict, good);
  });
  return section('Last 20 events', ...rows);
}
