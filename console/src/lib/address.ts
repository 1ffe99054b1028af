/** encodePath writes a path so that its names survive, whatever characters they have. */
export const encodePath = (path: string) => encodeURI(path).replace(/[?#]/g, encodeURIComponent);

/** decodePath reads what encodePath wrote; what nothing could have written is no path. */
export function decodePath(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
