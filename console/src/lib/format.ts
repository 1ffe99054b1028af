import type { Locale } from '../i18n/messages';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** bytes writes a size in binary units, as 12.3 MiB. */
export function bytes(size: number, locale: Locale): string {
  const power = size > 0 ? Math.min(Math.floor(Math.log2(size) / 10), units.length - 1) : 0;
  const value = size / 1024 ** power;
  const digits = power === 0 || value >= 100 ? 0 : 1;
  return `${value.toLocaleString(locale, { maximumFractionDigits: digits })} ${units[power]}`;
}

/** count writes a number with the separators of the language. */
export const count = (value: number, locale: Locale) => value.toLocaleString(locale);

/** dateOf takes what the SDK returns, or the seconds of nifuda's own API. */
export const dateOf = (at: Date | number) => (typeof at === 'number' ? new Date(at * 1000) : at);

/** absolute writes a time with its date and zone. */
export const absolute = (at: Date | number, locale: Locale) =>
  dateOf(at).toLocaleString(locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31557600],
  ['month', 2629800],
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** relative writes how long ago something was, as 3 hours ago. */
export function relative(at: Date | number, locale: Locale, now = Date.now()): string {
  const seconds = Math.round((dateOf(at).getTime() - now) / 1000);
  const [unit, size] = steps.find(([, step]) => Math.abs(seconds) >= step) ?? steps[steps.length - 1];
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.trunc(seconds / size), unit);
}

/** shortDigest is enough of a digest to tell two apart. */
export const shortDigest = (digest: string) => digest.replace(/^(\w+:)?([0-9a-f]{12}).*$/, '$1$2');
