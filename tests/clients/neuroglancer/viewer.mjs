// The real viewer in headless Chromium: opens a source in it, and reads the numbers back from the pixels that it drew.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { chromium } from 'playwright-core';

const bundle = path.join(import.meta.dirname, 'bundle');
const types = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
const LOAD_MS = 60_000;

// A 16-bit voxel in red and green. Blue tells what was drawn, a voxel of zero too, from where nothing was.
const SHADER = `void main() {
  uint value = uint(toRaw(getDataValue()));
  emitRGB(vec3(float(value >> 8u) / 255.0, float(value & 255u) / 255.0, 1.0));
}`;

// Serves the bundle at the root of an origin. `localhost` is another site than `127.0.0.1`, where the data are.
export async function serveViewer() {
  const server = http.createServer((request, answer) => {
    const name = path.basename(new URL(request.url, 'http://localhost').pathname) || 'index.html';
    const file = path.join(bundle, name);
    if (!fs.existsSync(file)) return answer.writeHead(404).end();
    return answer.setHeader('content-type', types[path.extname(name)] ?? 'application/octet-stream').end(fs.readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return { port, origin: `http://localhost:${port}`, close: () => server.close() };
}

// WebGL is computed by SwiftShader: the same pixels on every machine, no graphics card.
export function launchChromium(...more) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    chromiumSandbox: false,
    args: ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist', '--disable-quic',
      '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', ...more],
  });
}

// An OME-Zarr image on disk, as the viewer must see it: units of its finest level, and one level's size and coarseness. Axes c, z, y, x.
export function levelOnDisk(array) {
  const json = (...names) => JSON.parse(fs.readFileSync(path.join(...names), 'utf8'));
  const group = path.dirname(array);
  const v3 = fs.existsSync(path.join(group, 'zarr.json'));
  const { datasets } = (v3 ? json(group, 'zarr.json').attributes.ome : json(group, '.zattrs')).multiscales[0];
  const scaleOf = (dataset) => dataset.coordinateTransformations.find(({ type }) => type === 'scale').scale;
  const finest = scaleOf(datasets[0]);
  const scale = scaleOf(datasets.find((dataset) => dataset.path === path.basename(array)));
  return { shape: json(array, v3 ? 'zarr.json' : '.zarray').shape, finest, factor: scale[3] / finest[3] };
}

// Opens `source` with `level` in sight, at channel 0, plane 0, and waits until everything is drawn. Throws what the viewer shows when it will not load.
export async function openSource(page, origin, source, level) {
  const [, z, y, x] = level.finest;
  const state = {
    dimensions: { x: [x * 1e-6, 'm'], y: [y * 1e-6, 'm'], z: [z * 1e-6, 'm'] },
    // The viewer takes the coarsest level that no axis calls too coarse; its planes lie further apart than its columns.
    layers: [{ type: 'image', name: 'image', source, opacity: 1, shader: SHADER, localPosition: [0], crossSectionRenderScale: z / x }],
    layout: 'xy',
    crossSectionScale: level.factor,
    crossSectionBackgroundColor: '#000000',
    prefetch: false,
    showAxisLines: false,
    showScaleBar: false,
    showDefaultAnnotations: false,
    selectedLayer: { layer: 'image', visible: true },
  };
  await page.goto(`${origin}/#!${encodeURIComponent(JSON.stringify(state))}`);
  await loaded(page);
  return readPlane(page, level, 0, 0);
}

// What must never be seen: a refusal that is drawn, or that the viewer keeps to itself. Any other error is one that its user sees.
export class Wrong extends Error {}

// Waits until the viewer has loaded the source of its one layer. Throws the message that it shows when it cannot.
export async function loaded(page) {
  const loadState = () => globalThis.viewer?.layerManager.managedLayers[0]?.layer?.dataSources[0]?.loadState;
  await page.waitForFunction(loadState, undefined, { timeout: LOAD_MS });
  await page.evaluate(inPage);
  const why = await page.evaluate(() => viewer.layerManager.managedLayers[0].layer.dataSources[0].loadState.error?.message);
  if (why === undefined) return;
  const shown = await page.locator('.neuroglancer-message-error').allInnerTexts();
  const drawn = await page.evaluate(() => countDrawn());
  if (drawn > 0) throw new Wrong(`${drawn} pixels are drawn, without a source: ${why}`);
  if (!shown.some((text) => text.includes(why))) throw new Wrong(`the viewer does not show: ${why}`);
  throw new Error(`the viewer shows, drawing nothing: ${why}`);
}

// The numbers of one plane of `level`, from the pixels. Throws when a chunk that is in sight failed.
export async function readPlane(page, level, channel, z) {
  const drawn = await page.evaluate((asked) => drawPlane(asked), { ...level, channel, z });
  // A coarser level may show through, but the demo has no zero in there: a zero is a refusal taken for an absent chunk.
  if (drawn.failed > 0 && drawn.zeros > 0) throw new Wrong(`${drawn.failed} chunks failed, and ${drawn.zeros} pixels are drawn as zeros`);
  if (drawn.failed > 0) throw new Error(`${drawn.failed} chunks failed, none is drawn`);
  return Buffer.from(drawn.values, 'base64');
}

// All numbers of `level`, little-endian in C order.
export async function readLevel(page, level) {
  const [channels, planes] = level.shape;
  const all = [];
  for (let channel = 0; channel < channels; channel += 1) {
    for (let z = 0; z < planes; z += 1) all.push(await readPlane(page, level, channel, z));
  }
  return Buffer.concat(all);
}

// Runs in the page: what draws and reads pixels there.
function inPage() {
  const DOWNLOADING = 3;
  const NEW = 5;
  const FAILED = 6;
  const TIERS = 3;
  const MEMORY_STATISTICS = 3;

  // How many chunks of all sources are in the states from `first` to `last`.
  async function chunksIn(first, last) {
    let sum = 0;
    for (const statistics of (await viewer.chunkQueueManager.getStatistics()).values()) {
      for (let state = first; state <= last; state += 1) {
        for (let tier = 0; tier < TIERS; tier += 1) sum += statistics[(state * TIERS + tier) * MEMORY_STATISTICS];
      }
    }
    return sum;
  }

  // Waits until everything in sight is drawn, or nothing is waited for and something failed; then how many failed.
  async function settled() {
    for (let quiet = 0, turn = 0; turn < 3000; turn += 1) {
      if (viewer.isReady()) return 0;
      const failed = await chunksIn(FAILED, FAILED);
      quiet = failed > 0 && (await chunksIn(DOWNLOADING, NEW)) === 0 ? quiet + 1 : 0;
      if (quiet > 5) return failed;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error('the viewer does not come to rest');
  }

  // The viewer's one panel, drawn now: its pixels from the bottom row up.
  function pixels() {
    const { display } = viewer;
    const { gl } = display;
    const [panel] = [...display.panels].filter((one) => one.visible && one.sliceView);
    panel.ensureBoundsUpdated();
    const { width, height } = panel.renderViewport;
    const bytes = new Uint8Array(width * height * 4);
    display.draw();
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    const bottom = display.canvas.height - panel.canvasRelativeClippedTop - height;
    gl.readPixels(panel.canvasRelativeClippedLeft, bottom, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    return { width, height, bytes };
  }

  function drawnIn(bytes) {
    let drawn = 0;
    for (let at = 2; at < bytes.length; at += 4) drawn += bytes[at] === 255 ? 1 : 0;
    return drawn;
  }

  window.countLit = async () => {
    const failed = await settled();
    const { bytes } = pixels();
    let lit = 0;
    for (let at = 0; at < bytes.length; at += 4) lit += bytes[at] + bytes[at + 1] + bytes[at + 2] > 30 ? 1 : 0;
    return { failed, lit };
  };

  window.countDrawn = () => drawnIn(pixels().bytes);

  window.drawPlane = async ({ shape: [, , rows, columns], factor, channel, z }) => {
    const layer = viewer.layerManager.managedLayers[0].layer;
    layer.localPosition.value = Float32Array.of(channel);
    let [failed, left, top] = [0, 0, 0];
    let seen = pixels();
    // The panel takes its size while the bars around it are filled: what was placed in another size is placed anew.
    for (let placed; placed?.width !== seen.width || placed.height !== seen.height; ) {
      placed = seen;
      const { width, height } = placed;
      // Where the image's first row and column come to lie, so that voxels and pixels coincide. Voxel 0 of the finest level lies around 0.
      [left, top] = [Math.floor((width - columns) / 2), Math.floor((height - rows) / 2)];
      viewer.navigationState.pose.position.value = Float32Array.of((width / 2 - left) * factor - 0.5, (height / 2 - top) * factor - 0.5, (z + 0.5) * factor - 0.5);
      failed = await settled();
      seen = pixels();
    }
    const { width, height, bytes } = seen;
    const values = new Uint8Array(rows * columns * 2);
    let [inSight, zeros] = [0, 0];
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const at = ((height - 1 - top - row) * width + left + column) * 4;
        const [high, low, marked] = bytes.subarray(at, at + 3);
        inSight += marked === 255 ? 1 : 0;
        zeros += marked === 255 && high === 0 && low === 0 ? 1 : 0;
        values.set([low, high], (row * columns + column) * 2);
      }
    }
    const outside = drawnIn(bytes) - inSight;
    if (failed === 0 && (inSight !== rows * columns || outside !== 0)) {
      throw new Error(`${inSight} of ${rows * columns} pixels of the plane are drawn, and ${outside} beside it`);
    }
    return { failed, zeros, values: btoa(values.reduce((text, byte) => text + String.fromCharCode(byte), '')) };
  };
}
