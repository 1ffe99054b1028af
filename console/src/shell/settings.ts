import type { Locale } from '../i18n/messages';
import { chooseMode } from '../lib/mode';

/** chooseSetting does what an item of the settings menu says. */
export function chooseSetting(id: string, chooseLocale: (locale: Locale) => void) {
  if (id === 'en' || id === 'ja') chooseLocale(id);
  else if (id === 'light' || id === 'dark' || id === 'system') chooseMode(id);
}
