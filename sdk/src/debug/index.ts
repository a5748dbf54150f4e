import type { Debugged } from './contract';
import { openOverlay } from './openOverlay';
import { showPreview } from './showPreview';

const show: Debugged = (tracker, config) =>
  config ? void showPreview(config) : openOverlay(tracker);

(window as unknown as { kairosDebug: Debugged }).kairosDebug = show;
