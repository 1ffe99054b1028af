import { createHash } from 'node:crypto';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

// The fonts are inlined into the style sheet that blocks the first paint. As
// files of their own they are fetched when they are needed, and the policy of the
// page need not allow data: for them.
const extractFonts = (): Plugin => ({
  name: 'extract-fonts',
  apply: 'build',
  enforce: 'post',
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== 'asset' || !file.fileName.endsWith('.css')) continue;
      file.source = String(file.source).replace(
        /url\(["']?data:font\/woff2;[^,]*base64,([A-Za-z0-9+/=]+)["']?\)/g,
        (_match, encoded: string) => {
          const source = Buffer.from(encoded, 'base64');
          const hash = createHash('sha256').update(source).digest('hex').slice(0, 8);
          const fileName = `assets/open-sans-${hash}.woff2`;
          this.emitFile({ type: 'asset', fileName, source });
          return `url(/_console/${fileName})`;
        },
      );
    }
  },
});

export default defineConfig({
  base: '/_console/',
  plugins: [react(), extractFonts()],
  build: {
    outDir: '../internal/console/dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    sourcemap: false,
    modulePreload: { polyfill: false },
  },
  server: {
    // Against a server that runs with its defaults.
    proxy: {
      '^/$': {
        target: 'http://127.0.0.1:5050',
        bypass: (request) => (request.method === 'POST' ? undefined : request.url),
      },
    },
  },
});
