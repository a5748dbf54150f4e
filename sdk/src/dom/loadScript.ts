interface TrustedTypesLike {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): {
    createScriptURL(url: string): unknown;
  };
}

const loading = new Map<string, Promise<unknown>>();
let bless = (url: string): unknown => {
  const types = (window as { trustedTypes?: TrustedTypesLike }).trustedTypes;
  // The only script URLs this policy ever sees are ours, made from configuration.
  const policy = types?.createPolicy('kairos', { createScriptURL: (asked) => asked });
  bless = (each) => (policy ? policy.createScriptURL(each) : each);
  return bless(url);
};

/** The global a script of ours defines, fetched once; a failed load is tried again next time. */
export function loadScript<T>(url: string, name: string): Promise<T> {
  let script = loading.get(url);
  if (!script) {
    script = inject(url, name);
    loading.set(url, script);
    script.catch(() => loading.delete(url));
  }
  return script as Promise<T>;
}

function inject(url: string, name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = bless(url) as string;
    script.onload = () => resolve((window as unknown as Record<string, unknown>)[name]);
    script.onerror = () => reject(new Error('kairos: cannot load ' + url));
    document.head.append(script);
  });
}
