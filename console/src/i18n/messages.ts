import { en } from './en';

export type Locale = 'en' | 'ja';
export type Key = keyof typeof en;
export type Messages = Record<Key, string>;

// Each language has the areas in files of their own; a key that one of them lacks
// does not compile. The other language is loaded where it is chosen.
const loaders: Record<Locale, () => Promise<Messages>> = {
  en: async () => en,
  ja: async () => (await import('./ja')).ja,
};

/** loadMessages gives the texts of a language. */
export const loadMessages = (locale: Locale) => loaders[locale]();

export type Values = Record<string, string | number>;
export type Translate = (key: Key, values?: Values) => string;

/** fill puts values in the place of the {names} of a text. */
export const fill = (text: string, values: Values) =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
