import type { RegistryDay } from '../../api/nifuda.gen';

const dayLength = 86_400_000;

/** everyDay fills the days on which nothing happened, so that the last one is that of now. */
export function everyDay(days: RegistryDay[], length: number, now: Date): RegistryDay[] {
  const known = new Map(days.map((one) => [one.Day, one]));
  return Array.from({ length }, (_, i) => {
    const day = new Date(now.getTime() - (length - 1 - i) * dayLength).toISOString().slice(0, 10);
    return known.get(day) ?? { Day: day, Pushes: 0, Pulls: 0 };
  });
}
