interface NavigationLike extends EventTarget {
  currentEntry: unknown;
}

/** Calls back when a single-page application shows another address; hash changes are not pages. */
export function watchRoutes(onRoute: (t0_ms: number) => void) {
  const address = () => location.pathname + location.search;
  let shown = address();
  const check = (time_ms: number) => {
    if (address() === shown) return;
    shown = address();
    onRoute(performance.timeOrigin + time_ms);
  };
  const navigation = (window as { navigation?: NavigationLike }).navigation;
  if (navigation) {
    navigation.addEventListener('currententrychange', (event) => check(event.timeStamp));
    return;
  }
  for (const name of ['pushState', 'replaceState'] as const) {
    const original = history[name].bind(history);
    history[name] = (...args: Parameters<History['pushState']>) => {
      original(...args);
      check(performance.now());
    };
  }
  addEventListener('popstate', (event) => check(event.timeStamp));
}
