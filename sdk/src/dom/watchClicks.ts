import type { Tracker } from '../lib/tracker';
import type { EventFields } from '../lib/types';
import { readProduct } from './readPage';

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

/** `data-track` clicks, `data-kairos-event` on buttons, links and forms, searches. */
export function watchClicks(tracker: Tracker) {
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
}
