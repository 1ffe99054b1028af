/** A Day has how often something happened on it. */
export interface Day {
  day: Date;
  pulls: number;
}

const oneDay = 86400_000;

/** lastDays are so many days up to today, also those on which nothing happened. */
export function lastDays(days: { Day: string; Pulls: number }[], many: number, now: Date): Day[] {
  const pulls = new Map(days.map((one) => [one.Day, one.Pulls]));
  const today = Math.floor(now.getTime() / oneDay) * oneDay;
  return Array.from({ length: many }, (_, i) => {
    const day = new Date(today - (many - 1 - i) * oneDay);
    return { day, pulls: pulls.get(day.toISOString().slice(0, 10)) ?? 0 };
  });
}
