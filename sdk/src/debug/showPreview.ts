import type { Config } from '../dom/readConfig';
import type { Tracker } from '../lib/tracker';
import type { Decision } from '../lib/types';
import type { Renderer } from '../render/contract';

/** Nothing of a preview is reported, counted or remembered. */
const nobody = {
  track: () => undefined,
  timing: () => ({}),
  gate: { expired: () => false, cancelled: () => false, shown: () => undefined },
} as unknown as Tracker;

/** Draws the campaign of a signed preview link, for this browser alone. */
export async function showPreview(config: Config): Promise<void> {
  const endpoint = (config.endpoint || location.origin).replace(/\/$/, '');
  const token = new URLSearchParams(location.search).get('kairos_preview');
  const answer = await fetch(endpoint + '/v1/preview', {
    method: 'POST',
    credentials: 'omit',
    headers: { 'Content-Type': 'text/plain' },
    body: JSON.stringify({ site: config.site, token }),
  });
  const said = (await answer.json()) as { decision?: Decision; error?: string };
  if (!said.decision) return console.warn('kairos: no preview: ' + said.error);
  const draw = (window as unknown as { kairosRender: Renderer }).kairosRender;
  const { texts, links = [] } = config;
  const presenter = draw(nobody, { texts, links, timeline: [], own: () => undefined });
  presenter.present({ decision: said.decision, received_ms: 0, expires_ms: Infinity });
}
