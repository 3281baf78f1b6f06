// Neuroglancer, unmodified, in headless Chromium: each level of each image is read whole from the pixels that the viewer draws, plane by plane.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { config, done, line, mode, readAll } from './checks.mjs';
import { launchChromium, levelOnDisk, loaded, openSource, readLevel, serveViewer, Wrong } from './neuroglancer/viewer.mjs';

const viewer = await serveViewer();
const browser = await launchChromium();
const name = `Neuroglancer in Chromium ${browser.version().split('.')[0]}`;

// How a source may be written, the smallest arrays in every way, but for the run over a revoke, which keeps a page open for each. Bare, the viewer
// finds out the format by asking.
const written = ({ shape }) => [
  { form: (url, zarrFormat) => `${url}/|zarr${zarrFormat}:` },
  ...(shape[2] > 32 || mode === 'across' ? [] : [
    { form: (url) => `${url}/`, told: ' (format found out)' },
    { form: (url) => `zarr://${url}/`, told: ' (zarr://)' },
    { form: (url, zarrFormat) => `s3+${url}/|zarr${zarrFormat}:`, told: ' (s3+http://)' },
  ]),
];

// Every request that did not end well, but for a 404 of what is not on disk either. A request that the viewer itself broke off is none: what it
// asked for had left the view.
function watch(page, { url, onDisk }) {
  const troubles = [];
  const root = `${decodeURIComponent(new URL(url).pathname)}/`;
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    if (why !== 'net::ERR_ABORTED') troubles.push(`${why} ${request.url()}`);
  });
  page.on('pageerror', (why) => troubles.push(`${why}`));
  page.on('response', (answer) => {
    if (answer.status() < 400) return;
    let asked = answer.request();
    while (asked.redirectedFrom() !== null) asked = asked.redirectedFrom();
    const pathname = decodeURIComponent(new URL(asked.url()).pathname);
    const absent = pathname.startsWith(root) && !fs.existsSync(path.join(onDisk, pathname.slice(root.length)));
    if (answer.status() !== 404 || !absent) troubles.push(`${answer.status()} ${asked.url()}`);
  });
  return troubles;
}

async function freshPage() {
  const context = await browser.newContext({ viewport: { width: 560, height: 240 } });
  return context.newPage();
}

async function open({ url, zarrFormat, onDisk, form }) {
  const page = await freshPage();
  const group = { url: url.slice(0, url.lastIndexOf('/')), onDisk: path.dirname(onDisk) };
  const handle = { page, level: levelOnDisk(onDisk), troubles: watch(page, group) };
  try {
    await openSource(page, viewer.origin, form(group.url, zarrFormat), handle.level);
  } catch (why) {
    if (!(why instanceof Wrong)) throw why;
    handle.troubles.push(why.message);
  }
  return handle;
}

async function read({ page, level, troubles }) {
  const sha256 = createHash('sha256').update(await readLevel(page, level)).digest('hex');
  await page.context().close();
  return { shape: level.shape, dtype: 'uint16', sha256, ...(troubles.length > 0 && { troubles }) };
}

// The address that `offprint up` prints, its state as it is, opened in this viewer instead of the public one.
async function openPrinted() {
  const [, state] = /https:\/\/neuroglancer-demo\.appspot\.com\/(#!\S+)/.exec(fs.readFileSync(config.screen, 'utf8'));
  const page = await freshPage();
  await page.goto(`${viewer.origin}/${state}`);
  await loaded(page);
  const { failed, lit } = await page.evaluate(() => countLit());
  line(failed === 0 && lit > 1000, `${name}: the address that is printed at the start: ${lit} pixels are lit, ${failed} chunks failed`);
}

// The address on the page of each image's link: its channels are drawn as it says, with every direction where it belongs.
async function openFromPages() {
  for (const link of config.links.filter(({ kind }) => kind === 'zarr')) {
    const text = await (await fetch(`${config.app_url}/s/${link.url.split('/')[3]}`)).text();
    const [, state] = /href="https:\/\/neuroglancer-demo\.appspot\.com\/(#![^"]+)"/.exec(text) ?? [];
    if (state === undefined) { line(false, `${name}: the page of ${link.name} has no address`); continue; }
    const page = await freshPage();
    await page.goto(`${viewer.origin}/${state}`);
    await loaded(page);
    const { failed, lit } = await page.evaluate(() => countLit());
    const shown = await page.evaluate(() => viewer.coordinateSpace.value.names.join(' '));
    line(failed === 0 && lit > 1000 && shown === 'x y z', `${name}: the address on the page of ${link.name}: ${lit} pixels are lit along ${shown}, ${failed} chunks failed`);
    await page.context().close();
  }
}

await readAll(name, open, read, { ways: written });
if (mode === 'read') {
  await openPrinted();
  await openFromPages();
}
await browser.close();
viewer.close();
done();
