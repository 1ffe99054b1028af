import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    css: false,
    testTimeout: 30000,
    setupFiles: ['test/setup.ts'],
    server: { deps: { inline: [/@cloudscape-design\//] } },
  },
});
