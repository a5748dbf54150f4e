import type { Help } from './contract';

const CLICKS = 3;
const RADIUS_PX = 30;
const WINDOW_MS = 1_000;
/** Things that are clicked fast on purpose. */
const STEPPERS =
  'input,select,textarea,video,audio,[role=grid],[role=spinbutton],[role=slider],' +
  '[data-kairos-norage]';

/** Fast clicks on one spot: somebody expects something that does not happen. */
export function watchRage({ tracker, domTime, config }: Help) {
  const { clicks = CLICKS, radius_px = RADIUS_PX, window_ms = WINDOW_MS } = config.rage || {};
  let recent: MouseEvent[] = [];
  addEventListener(
    'click',
    (event) => {
      const target = event.target instanceof Element ? event.target : null;
      if (!target || !event.isTrusted) return;
      const near = (other: MouseEvent) =>
        event.timeStamp - other.timeStamp < window_ms &&
        Math.hypot(event.clientX - other.clientX, event.clientY - other.clientY) < radius_px;
      recent = [...recent.filter(near), event];
      if (recent.length < clicks) return;
      recent = [];
      const stepper = target.closest(STEPPERS) || besideNumber(target);
      if (stepper || !getSelection()?.isCollapsed) return;
      const name = target.tagName.toLowerCase() + (target.id ? '#' + target.id : '');
      tracker.track('rage_click', { properties: { target: name } }, { t0_ms: domTime(event) });
    },
    true,
  );
}

/** The plus and minus buttons of a quantity field. */
function besideNumber(target: Element): boolean {
  const group = target.closest('button,[role=button]')?.parentElement;
  return !!group?.querySelector(
    '[type=number],[type=date],[role=spinbutton],[inputmode=numeric]',
  );
}
