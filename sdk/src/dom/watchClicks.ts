import type { Tracker } from '../lib/createTracker';
import type { EventFields } from '../lib/types';
import { readProduct } from './readPage';

const RAGE_CLICKS = 3;
const RAGE_RADIUS_PX = 30;
const RAGE_WINDOW_MS = 1_000;
/** Things that are clicked fast on purpose. */
const STEPPERS =
  'input,select,textarea,video,audio,[role=grid],[role=spinbutton],[role=slider],' +
  '[data-kairos-norage]';

export function domTime(event: Event): number {
  return performance.timeOrigin + event.timeStamp;
}

/** What an element declares with data-kairos-* attributes. */
export function declaredFields(element: HTMLElement): EventFields {
  const product = readProduct(element);
  const { kairosValue, kairosQuery } = element.dataset;
  return {
    ...(product ? { product } : {}),
    ...(kairosValue ? { value: kairosValue } : {}),
    ...(kairosQuery ? { properties: { query: kairosQuery } } : {}),
  };
}

/** `data-track` clicks, `data-kairos-event` on buttons, links and forms, searches, rage clicks. */
export function watchClicks(tracker: Tracker) {
  let recent: MouseEvent[] = [];

  addEventListener(
    'click',
    (event) => {
      const target = event.target instanceof Element ? event.target : null;
      const declared = target?.closest<HTMLElement>('[data-kairos-event]');
      if (declared && declared.matches('button,a,input,[role=button]'))
        tracker.track(declared.dataset.kairosEvent!, declaredFields(declared), {
          t0_ms: domTime(event),
        });
      const tracked = target?.closest<HTMLElement>('[data-track]');
      if (tracked)
        tracker.track(
          'click',
          { ...declaredFields(tracked), properties: { target: tracked.dataset.track! } },
          { t0_ms: domTime(event) },
        );
      if (target && event.isTrusted) rage(event, target);
    },
    true,
  );

  addEventListener(
    'submit',
    (event) => {
      const form = event.target as HTMLFormElement;
      const type = form.dataset.kairosEvent || (form.matches('[role=search]') ? 'search' : '');
      if (!type) return;
      const fields = declaredFields(form);
      const query = form.querySelector<HTMLInputElement>('[type=search],[name=q],[name=query]');
      if (query) fields.properties = { query: query.value.slice(0, 200) };
      tracker.track(type, fields, { t0_ms: domTime(event) });
    },
    true,
  );

  function rage(event: MouseEvent, target: Element) {
    const near = (other: MouseEvent) =>
      event.timeStamp - other.timeStamp < RAGE_WINDOW_MS &&
      Math.hypot(event.clientX - other.clientX, event.clientY - other.clientY) < RAGE_RADIUS_PX;
    recent = [...recent.filter(near), event];
    if (recent.length < RAGE_CLICKS) return;
    recent = [];
    const stepper = target.closest(STEPPERS) || besideNumber(target);
    if (stepper || !getSelection()?.isCollapsed) return;
    const name = target.tagName.toLowerCase() + (target.id ? '#' + target.id : '');
    tracker.track('rage_click', { properties: { target: name } }, { t0_ms: domTime(event) });
  }
}

/** The plus and minus buttons of a quantity field. */
function besideNumber(target: Element): boolean {
  const group = target.closest('button,[role=button]')?.parentElement;
  return !!group?.querySelector(
    '[type=number],[type=date],[role=spinbutton],[inputmode=numeric]',
  );
}
