// What others wrote may be anything. Each of these takes a value as what it should
// be, and says nothing where it is something else.

/** parsed is the value of a JSON text, or nothing. */
export function parsed(text: string | undefined): unknown {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const record = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});
export const records = (value: unknown) => list(value).filter(isRecord);
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
export const texts = (value: unknown) => list(value).filter((one) => typeof one === 'string');
export const amount = (value: unknown) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;

/** instant is a time that something says it was made at. Zero times, which mean none, are nothing. */
export function instant(value: unknown): Date | undefined {
  const at = new Date(text(value) ?? Number.NaN);
  return Number.isNaN(at.getTime()) || at.getUTCFullYear() <= 1 ? undefined : at;
}

/** A Pair is a name and what it stands for. */
export type Pair = [name: string, value: string];

/** pairs are the members of an object, as text. */
export const pairs = (value: unknown): Pair[] =>
  Object.entries(record(value)).map(([name, of]) => [name, typeof of === 'string' ? of : JSON.stringify(of)]);

/** pairValue is what a name stands for among pairs. */
export const pairValue = (all: Pair[], name: string) => all.find(([one]) => one === name)?.[1] || undefined;

/** pretty is a JSON text with indentation, or the text itself if it is none. */
export function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
