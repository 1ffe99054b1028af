import { applyMode, Mode } from '@cloudscape-design/global-styles';
import { useSyncExternalStore } from 'react';

/** A ModeChoice is light, dark, or what the system of the user says. */
export type ModeChoice = 'light' | 'dark' | 'system';
export const modeChoices: ModeChoice[] = ['light', 'dark', 'system'];

const key = 'nifuda.mode';
const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

function current(): ModeChoice {
  const stored = localStorage.getItem(key);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

function isDark() {
  const choice = current();
  return choice === 'system' ? system.matches : choice === 'dark';
}

const apply = () => applyMode(isDark() ? Mode.Dark : Mode.Light);

/** chooseMode changes the colors and remembers the choice. */
export function chooseMode(choice: ModeChoice) {
  localStorage.setItem(key, choice);
  apply();
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** useMode is what was chosen. */
export const useMode = () => useSyncExternalStore(subscribe, current);

apply();
system.addEventListener('change', apply);
