import type { Help } from './contract';

const HIDDEN_MS = 30_000;
const CHANNEL = 'kairos';

/**
 * Tabs of one browser: the one looked at last leads (a Web Lock that each newly seen tab takes
 * over) and keeps its socket while hidden; any other hidden tab gives its socket back and resumes
 * when it is seen again. A choice of consent, a login or a reset in one tab holds in all of them.
 */
export function shareTabs({ tracker, config }: Help) {
  const name = CHANNEL + '.' + config.site;
  let leads = false;
  let timer = 0;

  function lead() {
    // Taken over by the next tab that is seen: the request ends with an AbortError there.
    navigator.locks
      ?.request(name, { steal: true }, () => {
        leads = true;
        return new Promise<void>(() => undefined);
      })
      .catch(() => {
        leads = false;
        rest();
      });
  }
  function rest() {
    clearTimeout(timer);
    if (!document.hidden) return;
    timer = setTimeout(() => leads || tracker.hangUp(), HIDDEN_MS) as unknown as number;
  }
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return rest();
    clearTimeout(timer);
    lead();
    tracker.connect();
  });
  if (!document.hidden) lead();

  if (typeof BroadcastChannel === 'undefined') return;
  const channel = new BroadcastChannel(name);
  tracker.onChange((change) => channel.postMessage(change));
  channel.onmessage = ({ data }) => tracker.follow(data);
}
