// Compresses what was built: the server keeps each text as brotli and as gzip
// alone. Browsers take brotli on secure origins only, so that both are needed.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = new URL('../internal/console/dist', import.meta.url).pathname;
const text = /\.(js|css|html|svg|json|txt)$/;

for (const name of readdirSync(dist, { recursive: true })) {
  const file = join(dist, name);
  if (!statSync(file).isFile() || !text.test(name)) continue;
  const bytes = readFileSync(file);
  writeFileSync(
    `${file}.br`,
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  );
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  rmSync(file);
}
writeFileSync(join(dist, '.keep'), '');
