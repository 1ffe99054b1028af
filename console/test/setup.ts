import { afterEach } from 'vitest';
import '@testing-library/dom';
import { cleanup } from '@testing-library/react';

afterEach(cleanup);

// What jsdom lacks and the components ask for.
window.matchMedia ??= ((query: string) => ({
  matches: false,
  media: query,
  addEventListener: () => {},
  removeEventListener: () => {},
})) as unknown as typeof window.matchMedia;
