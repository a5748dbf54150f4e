import base from './css/base.css';
import inline from './css/inline.css';
import media from './css/media.css';
import overlay from './css/overlay.css';

let sheet: CSSStyleSheet | null = null;

/** A host with a closed shadow root; the sheet is constructed, so a strict style-src allows it. */
export function openShadow(content: HTMLElement, parent: Element): HTMLElement {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(base + overlay + inline + media);
  }
  const host = document.createElement('div');
  const root = host.attachShadow({ mode: 'closed' });
  root.adoptedStyleSheets = [sheet];
  root.append(content);
  parent.append(host);
  return host;
}
