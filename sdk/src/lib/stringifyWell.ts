/** JSON whose texts are well-formed: one cut emoji would make a gateway refuse the whole batch. */
export function stringifyWell(value: unknown): string {
  const text = JSON.stringify(value);
  // JSON writes only the lone half of a pair as an escape; a look at every text would cost more.
  if (!/\\ud[89a-f]/.test(text)) return text;
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'string' ? ((item as WellFormed).toWellFormed?.() ?? item) : item,
  );
}

/** Newer than the language level of the core; older browsers send texts as they are. */
type WellFormed = string & { toWellFormed?: () => string };
