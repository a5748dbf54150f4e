import type { Renderer } from '../render/contract';

interface TrustedTypesLike {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): {
    createScriptURL(url: string): unknown;
  };
}

let loading: Promise<Renderer> | null = null;

/** The renderer, fetched once from beside the SDK; a failed load is tried again next time. */
export function loadRenderer(url: string): Promise<Renderer> {
  loading ??= inject(url).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

function inject(url: string): Promise<Renderer> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    // The one script URL this policy ever blesses is ours, made from configuration.
    const types = (window as { trustedTypes?: TrustedTypesLike }).trustedTypes;
    const trusted = types?.createPolicy('kairos', {
      createScriptURL: (asked) => (asked === url ? url : ''),
    });
    script.src = (trusted ? trusted.createScriptURL(url) : url) as string;
    script.onload = () => resolve((window as unknown as { kairosRender: Renderer }).kairosRender);
    script.onerror = () => reject(new Error('kairos: cannot load ' + url));
    document.head.append(script);
  });
}
