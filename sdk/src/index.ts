import { FIRST_LINE_MS } from './dom/firstLine';
import { createTracker } from './lib/createTracker';
import type { Tracker } from './lib/createTracker';
import { loadRenderer } from './dom/loadRenderer';
import { measurePage } from './dom/measurePage';
import { changePage, openPage } from './dom/openPage';
import { openPorts } from './dom/openPorts';
import type { Config } from './dom/readConfig';
import { readPage, tidyProduct } from './dom/readPage';
import { watchClicks } from './dom/watchClicks';
import { watchExit } from './dom/watchExit';
import { watchHover } from './dom/watchHover';
import { watchLeave } from './dom/watchLeave';
import { watchRoutes } from './dom/watchRoutes';
import type { Presenter } from './render/contract';
import type { Admitted } from './lib/admitDecision';
import type { Consent, Decision, EventFields, KairosEvent, Timing } from './lib/types';

export type { Config, Consent, Decision, EventFields, KairosEvent, Timing };

const PLAIN = /^(session_start|impression|action_click|dismiss|convert|consent|identify)$/;

let tracker: Tracker | null = null;
let showPage: (t0_ms: number) => void = () => undefined;
const early: ((ready: Tracker) => void)[] = [];

/** Figures of this page: how decisions travelled, and what became of events. */
export const debug: { timeline: Timing[]; counts: Tracker['counts'] | null } = {
  timeline: [],
  counts: null,
};

function withTracker(use: (ready: Tracker) => void) {
  if (tracker) use(tracker);
  else early.push(use);
}

/** Starts capture, the socket and rendering; a second call changes nothing. */
export function init(config: Config): void {
  if (tracker) return;
  const ports = openPorts();
  const endpoint = (config.endpoint || location.origin).replace(/\/$/, '');
  const meter = measurePage(
    (t0_ms) => config.auto !== false && ready.track('scroll', {}, { t0_ms }),
    () => config.auto !== false && ready.track('pause'),
  );
  const ready = createTracker(ports, {
    site: config.site,
    endpoint,
    path: config.path || '/v1/events',
    consent: config.consent || null,
    common: (type) => ({
      page: readPage(type === 'page_view'),
      ...(PLAIN.test(type) ? {} : { vectors: meter.vectors() }),
    }),
  });
  tracker = ready;
  debug.counts = ready.counts;
  present(ready, config, endpoint);
  for (const use of early.splice(0)) use(ready);
  ready.connect();
  const automated = config.automated ?? navigator.webdriver === true;
  showPage = (t0_ms) => openPage(ready, t0_ms, automated);
  if (config.auto !== false) capture(ready, meter);
  queueMicrotask(() => document.dispatchEvent(new CustomEvent('kairos:ready')));
}

/** Hands decisions to the renderer, which is fetched when idle or for the first decision. */
function present(ready: Tracker, config: Config, endpoint: string) {
  const url = (config.base || endpoint + '/sdk/') + 'kairos-render.js';
  let presenter: Presenter | null = null;
  const load = async () => {
    const createPresenter = await loadRenderer(url);
    presenter ||= createPresenter(ready, {
      texts: config.texts,
      links: config.links || [],
      timeline: debug.timeline,
    });
    return presenter;
  };
  const quietly = (error: Error) => console.warn(error.message);
  ready.onAdmitted((admitted) => {
    // A loaded renderer draws in the task of the message; a promise would wait its turn.
    if (presenter) presenter.present(admitted);
    else load().then((loaded) => loaded.present(admitted), quietly);
  });
  ready.onCancel((slot_id) => presenter?.withdraw(slot_id));
  if (config.preload === false) return;
  const idle = window.requestIdleCallback || ((run: () => void) => setTimeout(run, 200));
  whenParsed(() => idle(() => void load().catch(quietly)));
}

function capture(ready: Tracker, meter: ReturnType<typeof measurePage>) {
  const hover = watchHover(ready);
  const exit = watchExit(ready);
  const again = (t0_ms: number) => {
    meter.reset();
    hover.reset();
    exit.reset();
    showPage(t0_ms);
  };
  let former = readPage(false);
  watchClicks(ready);
  watchLeave(ready, again);
  watchRoutes((t0_ms) => {
    changePage(ready, meter, former);
    former = readPage(false);
    // One task later, so that the application has drawn what the page is about.
    setTimeout(() => again(t0_ms), 0);
  });
  whenParsed(() => showPage(FIRST_LINE_MS));
}

function whenParsed(run: () => void) {
  if (document.readyState !== 'loading') run();
  else document.addEventListener('DOMContentLoaded', run, { once: true });
}

/** Reports an event; unknown types travel as custom. */
export function track(type: string, fields: EventFields = {}): void {
  const product = tidyProduct(fields.product);
  const tidy = {
    ...fields,
    ...(product ? { product } : {}),
    ...(fields.value !== undefined ? { value: String(fields.value) } : {}),
  };
  withTracker((ready) => void ready.track(type, tidy));
}

/** Reports a page view by hand, for shops that switched automatic capture off. */
export function page(): void {
  withTracker(() => showPage(performance.timeOrigin + performance.now()));
}

/** Tells what the visitor allows; a refusal erases what was stored. */
export function consent(choice: Consent): void {
  withTracker((ready) => ready.consent(choice));
}

/** Passes a known id that the shop's server signed; true when the gateway took it. */
export function identify(signed: Record<string, unknown>): Promise<boolean> {
  return new Promise((resolve) => withTracker((ready) => resolve(ready.identify(signed))));
}

/** Another person uses this browser now: a new visitor and session. */
export function reset(): void {
  withTracker((ready) => ready.reset());
}

/** Hears every decision that arrived first for its slot, shown or not. */
export function onDecision(listener: (decision: Decision) => void): void {
  withTracker((ready) => ready.onAdmitted(({ decision }: Admitted) => listener(decision)));
}

/** Hears every event as it is sent. */
export function onEvent(listener: (event: KairosEvent) => void): void {
  withTracker((ready) => ready.onEvent(listener));
}

/** Hears every frame of the socket, also why nothing shows where the site pushes that. */
export function onFrame(listener: (frame: unknown) => void): void {
  withTracker((ready) => ready.onFrame(listener));
}
