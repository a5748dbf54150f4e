import type { Drawn, Surface } from './contract';
import {
  drawClose,
  drawCode,
  drawCountdown,
  drawCta,
  drawForm,
  drawHead,
  drawProducts,
} from './drawParts';
import { makeElement as make } from './makeElement';
import { openShadow } from './openShadow';

/** Draws one action; typed text only, whatever the decision contains. */
export function drawAction(surface: Surface): Drawn {
  const { kind } = surface.decision.render!;
  if (kind === 'modal') return drawModal(surface);
  return kind === 'banner' ? drawBanner(surface) : drawInline(surface);
}

/** What every kind shows below its headline: products, code, and a form or a link. */
function drawActions(surface: Surface, close: () => void): (Node | null)[] {
  const form = surface.decision.action_type === 'identity_capture';
  return [drawCode(surface), form ? drawForm(surface) : drawCta(surface, close)];
}

function drawModal(surface: Surface): Drawn {
  const products = drawProducts(surface);
  const dialog = make('dialog', { class: products ? 'k wide' : 'k', tabindex: '-1' });
  const former = document.activeElement as HTMLElement | null;
  let open = true;
  const end = (byVisitor: boolean) => {
    if (!open) return;
    remove();
    surface.onClose(byVisitor);
  };
  const close = () => end(true);
  const clock = drawCountdown(surface, () => end(false));
  dialog.append(
    make(
      'div',
      { class: 'card' },
      drawHead(surface, clock),
      products?.rail,
      ...drawActions(surface, () => end(false)).map((part) => part ?? ''),
    ),
    drawClose(surface, close),
  );
  name(dialog, surface);
  dialog.oncancel = close;
  // A listener, not a handler: a handler's `false` would stop the link that was clicked.
  dialog.addEventListener('click', (event) => event.target === dialog && close());
  const host = openShadow(dialog, document.body);
  dialog.showModal();
  // A field takes the focus; without one the dialog itself, so that no button looks chosen.
  (dialog.querySelector('input') ?? dialog).focus();

  function remove() {
    open = false;
    dialog.close();
    host.remove();
    former?.focus?.({ preventScroll: true });
  }
  return { remove };
}

function drawBanner(surface: Surface): Drawn {
  const end = (byVisitor: boolean) => {
    if (!host.isConnected) return;
    host.remove();
    surface.onClose(byVisitor);
  };
  const bar = make(
    'section',
    { class: 'k bar', role: 'region', 'aria-live': 'polite' },
    drawHead(surface),
    drawCountdown(surface, () => end(false)),
    ...drawActions(surface, () => end(false)),
    drawClose(surface, () => end(true)),
  );
  name(bar, surface);
  bar.addEventListener('keydown', (event) => event.key === 'Escape' && end(true));
  const host = openShadow(bar, document.body);
  return { remove: () => host.remove() };
}

function drawInline(surface: Surface): Drawn {
  const products = drawProducts(surface);
  const end = () => {
    host.remove();
    surface.onClose(false);
  };
  const box = make(
    'section',
    { class: 'k inline', role: 'region' },
    make(
      'div',
      { class: 'row' },
      drawHead(surface, drawCountdown(surface, end)),
      products?.arrows,
    ),
    products?.rail,
    ...drawActions(surface, end),
  );
  name(box, surface);
  const host = openShadow(box, surface.container!);
  return { remove: () => host.remove() };
}

function name(element: HTMLElement, { decision, texts }: Surface) {
  if (decision.render!.title) element.setAttribute('aria-labelledby', 'title');
  else element.setAttribute('aria-label', texts.region);
}
