/** area holds the texts of one area in both languages, with the same keys. */
export const area = <T extends Record<string, string>>(en: T, ja: Record<keyof T, string>) => ({
  en,
  ja: ja as { [K in keyof T]: string },
});
