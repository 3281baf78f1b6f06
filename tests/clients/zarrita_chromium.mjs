// zarrita in headless Chromium, from a page whose origin is neither the app's, nor the data's, nor the bucket's: every read is cross-origin, twice.
import http from 'node:http';
import path from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { done, readAll } from './checks.mjs';

const folder = import.meta.dirname;
const bundle = await build({
  stdin: {
    contents: `import { openArray, readArray } from './zarrita_reading.mjs';
      const opened = [];
      window.openArray = async (source) => opened.push(await openArray(source)) - 1;
      window.readArray = (index) => readArray(opened[index]);`,
    resolveDir: path.resolve(folder),
  },
  bundle: true,
  format: 'esm',
  platform: 'browser',
  write: false,
});
const page_server = http.createServer((request, answer) => {
  const script = request.url === '/page.js';
  answer.setHeader('content-type', script ? 'text/javascript' : 'text/html');
  answer.end(script ? bundle.outputFiles[0].contents : '<!doctype html><title>third origin</title><script type="module" src="/page.js"></script>');
});
await new Promise((resolve) => page_server.listen(0, '127.0.0.1', resolve));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  chromiumSandbox: false,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--disable-dev-shm-usage'],
});

// A page in a browser context of its own, which starts with an empty cache. `localhost` is another origin than `127.0.0.1`.
let page;
async function freshPage() {
  const context = await browser.newContext();
  page = await context.newPage();
  await page.goto(`http://localhost:${page_server.address().port}/`);
  await page.waitForFunction(() => window.readArray !== undefined);
}

await freshPage();
await readAll(
  `zarrita in Chromium ${browser.version().split('.')[0]}`,
  (source) => page.evaluate((given) => window.openArray(given), source),
  (index) => page.evaluate((given) => window.readArray(given), index),
  { renew: freshPage },
);
await browser.close();
page_server.close();
done();
