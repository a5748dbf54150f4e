/**
 * Calls back with the time right after the first frame that holds what was just inserted: a message
 * posted from its animation frame is handled once that frame has been produced. Epoch ms.
 */
export function whenPainted(report: (painted_ms: number) => void) {
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      report(performance.timeOrigin + performance.now());
    };
    port2.postMessage(0);
  });
}
