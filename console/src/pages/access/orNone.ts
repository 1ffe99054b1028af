/** orNone is what a request finds; undefined where the server says by an error of that name that there is nothing. */
export async function orNone<T>(name: string, request: () => Promise<T>): Promise<T | undefined> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof Error && error.name === name) return undefined;
    throw error;
  }
}
