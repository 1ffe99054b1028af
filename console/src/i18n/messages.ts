import { access } from './access';
import { common } from './common';
import { images } from './images';
import { insight } from './insight';
import { repositories } from './repositories';
import { shell } from './shell';
import { signin } from './signin';
import { tags } from './tags';

export type Locale = 'en' | 'ja';

// Each area has a file of its own with both languages; a key that one of them
// lacks does not compile.
export const messages = {
  en: {
    ...common.en,
    ...shell.en,
    ...signin.en,
    ...repositories.en,
    ...images.en,
    ...tags.en,
    ...access.en,
    ...insight.en,
  },
  ja: {
    ...common.ja,
    ...shell.ja,
    ...signin.ja,
    ...repositories.ja,
    ...images.ja,
    ...tags.ja,
    ...access.ja,
    ...insight.ja,
  },
};

export type Key = keyof typeof messages.en;
export type Values = Record<string, string | number>;
export type Translate = (key: Key, values?: Values) => string;

/** fill puts values in the place of the {names} of a text. */
export const fill = (text: string, values: Values) =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));

/** translate says something in a language. */
export const translate = (locale: Locale, key: Key, values: Values = {}) =>
  fill(messages[locale][key], values);
