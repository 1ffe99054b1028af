import { defineConfig } from 'vitest/config';

export default defineConfig({
  // A test compares what the console knows with what the server knows.
  server: { fs: { allow: ['..'] } },
  test: {
    environment: 'jsdom',
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    css: false,
    testTimeout: 30000,
    setupFiles: ['test/setup.ts'],
    server: { deps: { inline: [/@cloudscape-design\//] } },
  },
});
