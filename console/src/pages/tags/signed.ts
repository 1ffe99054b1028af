import type { Locale } from '../../i18n/messages';
import { bytes } from '../../lib/format';

/** signed writes a difference of sizes, as +1.2 MiB. */
export function signed(size: number, locale: Locale): string {
  const sign = size < 0 ? '−' : size > 0 ? '+' : '±';
  return `${sign}${bytes(Math.abs(size), locale)}`;
}
