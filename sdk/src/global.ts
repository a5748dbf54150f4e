import { readConfig } from './dom/readConfig';
import {
  consent,
  debug,
  identify,
  init,
  onDecision,
  onEvent,
  onFrame,
  page,
  reset,
  track,
} from './index';

/** The script tag's entry: the global `kairos`, started when the tag names a site. */
Object.assign(window, {
  kairos: { init, track, page, consent, identify, reset, onDecision, onEvent, onFrame, debug },
});

const config = readConfig(document.currentScript as HTMLScriptElement | null);
if (config) init(config);
