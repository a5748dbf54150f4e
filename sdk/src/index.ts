import { FIRST_LINE_MS } from './dom/firstLine';
import { createTracker } from './lib/createTracker';
import type { Tracker } from './lib/tracker';
import { loadScript } from './dom/loadScript';
import { openPage } from './dom/openPage';
import { openPorts } from './dom/openPorts';
import type { Config } from './dom/readConfig';
import { readPage, readPageProduct, readProduct, tidyProduct } from './dom/readPage';
import { domTime, watchClicks } from './dom/watchClicks';
import { watchLeave } from './dom/watchLeave';
import type { Help, More } from './more/contract';
import type { Own, Presenter, Renderer, Report } from './render/contract';
import type { Debugged } from './debug/contract';
import type { Admitted } from './lib/admitDecision';
import type { Consent, Decision, EventFields, KairosEvent, Properties } from './lib/types';
import type { Timing } from './lib/types';

export type { Config, Consent, Decision, EventFields, KairosEvent, Own, Report, Timing };

const PLAIN = /^(session_start|impression|action_click|dismiss|convert|consent|identify)$/;

const UNMEASURED = { active_duration_s: 0 };

let tracker: Tracker | null = null;
let folder = '';
let showPage: (t0_ms: number) => void = () => undefined;
const owns = new Set<Own>();
let more: More | null = null;
const early: ((ready: Tracker) => void)[] = [];

/**
 * Opens the overlay: connection, consent, the last events with their verdict, the last decision or
 * the reason for none. Its properties are figures of this page.
 */
export const debug: { (): void; timeline: Timing[]; counts: Tracker['counts'] | null } =
  Object.assign(
    () => withTracker((ready) => void helper<Debugged>('debug').then((show) => show(ready))),
    { timeline: [], counts: null },
  );

const helper = <T>(name: string) =>
  loadScript<T>(
    `${folder}kairos-${name}.js`,
    'kairos' + name[0]!.toUpperCase() + name.slice(1),
  );
const quietly = (error: Error) => console.warn(error.message);

function withTracker(use: (ready: Tracker) => void) {
  if (tracker) use(tracker);
  else early.push(use);
}

/** Starts capture, the socket and rendering; a second call changes nothing. */
export function init(config: Config): void {
  if (tracker) return;
  const ports = openPorts();
  const endpoint = (config.endpoint || location.origin).replace(/\/$/, '');
  folder = config.base || endpoint + '/sdk/';
  const ready = createTracker(ports, {
    site: config.site,
    endpoint,
    path: config.path || '/v1/events',
    consent: config.consent || null,
    opted_out: (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true,
    until: config.until,
    common: (type) => ({
      page: readPage(type === 'page_view'),
      ...(PLAIN.test(type) ? {} : { vectors: more?.vectors() || UNMEASURED }),
    }),
  });
  tracker = ready;
  debug.counts = ready.counts;
  present(ready, config);
  for (const use of early.splice(0)) use(ready);
  const automated = config.automated ?? navigator.webdriver === true;
  showPage = (t0_ms) => openPage(ready, t0_ms, automated);
  if (config.auto !== false) capture(ready, config);
  // Opening a socket takes the browser milliseconds; the first events have left by then.
  setTimeout(ready.connect, 0);
  queueMicrotask(() => document.dispatchEvent(new CustomEvent('kairos:ready')));
}

/** Hands decisions to the renderer, fetched right behind the first events or for the first one. */
function present(ready: Tracker, config: Config) {
  let presenter: Presenter | null = null;
  const load = async () => {
    const createPresenter = await helper<Renderer>('render');
    presenter ||= createPresenter(ready, {
      texts: config.texts,
      links: config.links || [],
      timeline: debug.timeline,
      own(decision, report) {
        for (const each of owns) {
          const remove = each(decision, report);
          if (remove) return remove;
        }
        return undefined;
      },
    });
    return presenter;
  };
  ready.onAdmitted((admitted) => {
    // A loaded renderer draws in the task of the message; a promise would wait its turn.
    if (presenter) presenter.present(admitted);
    else load().then((loaded) => loaded.present(admitted), quietly);
  });
  ready.onCancel((slot_id) => presenter?.withdraw(slot_id));
  if (config.preload !== false) setTimeout(() => load().catch(quietly), 0);
  if (/[?&]kairos_preview=/.test(location.search))
    load().then(() => helper<Debugged>('debug').then((show) => show(ready, config)), quietly);
}

function capture(ready: Tracker, config: Config) {
  // The view leaves first; whatever listens for later can be set up later.
  whenParsed(() => showPage(FIRST_LINE_MS));
  watchClicks(ready);
  watchLeave(ready, (t0_ms) => {
    more?.reset();
    showPage(t0_ms);
  });
  const lent = { readPage, domTime, readProduct, readPageProduct, tidyProduct };
  const help: Help = { tracker: ready, config, showPage, ...lent };
  const start = (watch: (help: Help) => More) => void (more = watch(help));
  setTimeout(() => helper<(help: Help) => More>('more').then(start, quietly), 0);
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

/** What the visitor says about itself, such as a size or a taste. */
export function prefer(properties: Properties): void {
  track('preference', { properties });
}

/** The kill switch: nothing is captured, sent or shown any more on this page. */
export function stop(): void {
  withTracker((ready) => ready.stop());
}

/** Offers each action to a component of the shop's own first; the answer takes it back. */
export function render(component: Own): () => void {
  owns.add(component);
  return () => void owns.delete(component);
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
