import { expect, it } from 'vitest';
import { en } from '../src/i18n/en';
import { ja } from '../src/i18n/ja';
import { texts } from '../src/pages/access/texts';

const names = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

it.each([
  ['the console', { en, ja }],
  ['the pages of access', texts],
])('has the same keys and names in both languages: %s', (_, { en, ja }) => {
  const japanese: Record<string, string> = ja;
  expect(Object.keys(ja).sort()).toEqual(Object.keys(en).sort());
  for (const [key, text] of Object.entries(en)) {
    expect(names(japanese[key]), key).toEqual(names(text));
    expect(japanese[key], key).not.toBe('');
  }
});
