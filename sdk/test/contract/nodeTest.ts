/** `node:test` as far as the contract uses it, for a browser: tests are collected and run once. */
type Run = () => void | Promise<void>;

const collected: [string, Run][] = [];

export function test(name: string, run: Run) {
  collected.push([name, run]);
}

/** Each test's name and, where it failed, the message. */
export async function runAll(): Promise<{ name: string; error: string | null }[]> {
  const results = [];
  for (const [name, run] of collected) {
    let error: string | null = null;
    try {
      await run();
    } catch (failure) {
      error = String(failure);
    }
    results.push({ name, error });
  }
  return results;
}

Object.assign(globalThis, { runContract: runAll });
