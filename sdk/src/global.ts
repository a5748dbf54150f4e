import { readConfig } from './dom/readConfig';
import * as kairos from './index';

/** The script tag's entry: the global `kairos`, started when the tag names a site. */
Object.assign(window, { kairos: { ...kairos } });

const config = readConfig(document.currentScript as HTMLScriptElement | null);
if (config) kairos.init(config);
