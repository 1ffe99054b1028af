import { expect, it } from 'vitest';
import { type Key, messages } from '../src/i18n/messages';

const names = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

it('has the same keys and names in both languages', () => {
  expect(Object.keys(messages.ja).sort()).toEqual(Object.keys(messages.en).sort());
  for (const [key, text] of Object.entries(messages.en)) {
    expect(names(messages.ja[key as Key]), key).toEqual(names(text));
    expect(messages.ja[key as Key], key).not.toBe('');
  }
});
