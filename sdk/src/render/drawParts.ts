import type { RenderProduct } from '../lib/types';
import type { Surface } from './contract';
import { makeElement as make, makeIcon } from './makeElement';
import { whenPainted } from './whenPainted';

const timeOf = (event: Event) => performance.timeOrigin + event.timeStamp;

/** Headline and body. */
export function drawHead({ decision }: Surface, ...before: (Node | null)[]): HTMLElement {
  const { title, body } = decision.render!;
  return make(
    'div',
    { class: 'head' },
    ...before,
    title && make('h2', { id: 'title' }, title),
    body && make('p', { id: 'body' }, body),
  );
}

/** The 44 px close button. */
export function drawClose(surface: Surface, close: () => void): HTMLElement {
  const button = make('button', {
    class: 'x',
    type: 'button',
    'aria-label': surface.texts.close,
  });
  button.append(makeIcon('M6 6l12 12M18 6L6 18'));
  button.onclick = close;
  return button;
}

/** The call to action, or nothing when its link may not be followed. */
export function drawCta(surface: Surface, close: () => void): HTMLElement | null {
  const { cta } = surface.decision.render!;
  if (!cta?.label) return null;
  const href = surface.link(cta.url);
  if (cta.url && !href) return null;
  const action = href
    ? make('a', { class: 'cta', href }, cta.label)
    : make('button', { class: 'cta', type: 'button' }, cta.label);
  action.onclick = (event) => {
    surface.onClick('cta', timeOf(event));
    if (!href) close();
  };
  return action;
}

/** The voucher code with a button that copies it. */
export function drawCode(surface: Surface): HTMLElement | null {
  const { code } = surface.decision.render!;
  if (!code) return null;
  const button = make('button', { type: 'button' }, surface.texts.copy);
  button.onclick = async (event) => {
    surface.onClick('code', timeOf(event));
    await navigator.clipboard?.writeText(code).catch(() => undefined);
    button.textContent = surface.texts.copied;
  };
  return make('div', { class: 'code' }, make('b', {}, code), button);
}

/** Minutes and seconds left; the action ends with them. */
export function drawCountdown(surface: Surface, end: () => void): HTMLElement | null {
  const { countdown_s } = surface.decision.render!;
  if (!countdown_s || countdown_s < 1) return null;
  const end_ms = performance.now() + countdown_s * 1_000;
  const clock = make('span', { class: 'time', role: 'timer', 'aria-live': 'off' });
  const tick = () => {
    const left_s = Math.max(0, Math.ceil((end_ms - performance.now()) / 1_000));
    const two = (n: number) => String(n).padStart(2, '0');
    const hours = Math.floor(left_s / 3_600);
    const rest = `${two(Math.floor(left_s / 60) % 60)}:${two(left_s % 60)}`;
    clock.textContent = `${surface.texts.ends} ${hours ? hours + ':' : ''}${rest}`;
    if (left_s && (clock.isConnected || left_s === countdown_s)) return;
    clearInterval(timer);
    if (!left_s && clock.isConnected) end();
  };
  const timer = setInterval(tick, 1_000);
  tick();
  return clock;
}

/** An e-mail form for identity capture. */
export function drawForm(surface: Surface): HTMLElement {
  const { texts, decision } = surface;
  const input = make('input', {
    type: 'email',
    name: 'email',
    autocomplete: 'email',
    required: '',
    maxlength: '254',
    placeholder: 'name@example.com',
  });
  const label = decision.render!.cta?.label || 'OK';
  const submit = make('button', { class: 'cta', type: 'submit' }, label);
  const form = make('form', {}, make('label', {}, texts.email, input), submit);
  form.onsubmit = (event) => {
    event.preventDefault();
    surface.onClick('identity', timeOf(event));
    surface.onIdentity(input.value);
    const thanks = make('div', { class: 'thanks', role: 'status', tabindex: '-1' }, texts.thanks);
    form.replaceWith(thanks);
    thanks.focus();
  };
  return form;
}

/** A row of products that snaps; at most twelve. */
export function drawProducts(
  surface: Surface,
): { rail: HTMLElement; arrows: HTMLElement } | null {
  const products = (surface.decision.render!.products || []).slice(0, 12);
  if (!products.length) return null;
  const rail = make(
    'ul',
    { class: 'rail' },
    ...products.map((item) => drawProduct(surface, item)),
  );
  const arrow = (label: string, path: string, by: number) => {
    const button = make('button', { class: 'arrow', type: 'button', 'aria-label': label });
    button.append(makeIcon(path));
    button.onclick = () =>
      rail.scrollBy({ left: by * rail.clientWidth * 0.8, behavior: 'smooth' });
    return button;
  };
  const { previous, next } = surface.texts;
  const arrows = make(
    'div',
    { class: 'arrows' },
    arrow(previous, 'M15 5l-7 7 7 7', -1),
    arrow(next, 'M9 5l7 7-7 7', 1),
  );
  return { rail, arrows };
}

function drawProduct(surface: Surface, product: RenderProduct): HTMLElement {
  const { id, title, url, image, price, reason } = product;
  const picture = make('div', { class: 'pic' }, (title || id).trim().charAt(0).toUpperCase());
  const source = imageUrl(image);
  if (source) {
    const img = make('img', {
      alt: '',
      width: '400',
      height: '500',
      decoding: 'async',
      referrerpolicy: 'no-referrer',
    });
    img.onerror = () => img.remove();
    // Words first: a picture that arrives early would be decoded before the first frame.
    whenPainted(() => (img.src = source));
    picture.append(img);
  }
  if (reason) picture.append(make('span', { class: 'why' }, reason));
  const href = surface.link(url);
  const attributes = { class: 'item', ...(href ? { href } : {}) };
  const parts = [
    picture,
    make('span', { class: 'name' }, title || id),
    price && make('span', { class: 'price' }, price),
  ];
  const item = href ? make('a', attributes, ...parts) : make('div', attributes, ...parts);
  if (href) item.onclick = (event) => surface.onClick('product:' + id, timeOf(event));
  return make('li', {}, item);
}

/** Pictures may come from any web host, but only from the web. */
function imageUrl(image: string | undefined): string | null {
  try {
    const url = image ? new URL(image, location.href) : null;
    return url && /^https?:$/.test(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
