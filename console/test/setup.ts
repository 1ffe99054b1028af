import { afterEach } from 'vitest';
import '@testing-library/dom';
import { cleanup, configure } from '@testing-library/react';

// A busy machine takes its time.
configure({ asyncUtilTimeout: 10000 });

afterEach(cleanup);

// What jsdom lacks and the components ask for.
window.matchMedia ??= ((query: string) => ({
  matches: false,
  media: query,
  addEventListener: () => {},
  removeEventListener: () => {},
})) as unknown as typeof window.matchMedia;
