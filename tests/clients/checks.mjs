// What the readers on JavaScript share. How they are run, and the configuration, is told in checks.py.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';

const [configFile, flag] = process.argv.slice(2);
export const mode = { undefined: 'read', '--expect-refused': 'refused', '--across-revoke': 'across' }[flag];
export const config = JSON.parse(fs.readFileSync(configFile, 'utf8'));
let failed = false;

// One check, told.
export function line(passed, what) {
  failed ||= !passed;
  console.log(passed ? 'ok   ' : 'FAIL ', what.replaceAll(/\s+/g, ' '));
}

// The ways to read one array of a reader that knows shards' indices by a suffix range, and by a HEAD.
const bySuffix = ({ sharded }) => (sharded ? [{ suffix: false }, { suffix: true, told: ' (suffix ranges)' }] : [{ suffix: false }]);

// Every array to read, with what it must hold, in each of its `ways`. An array is opened at its own URL, each segment encoded by us.
const casesOf = (ways) => config.expected.flatMap((array) => {
  const link = config.links[array.link];
  const url = [link.url.replace(/\/$/, ''), ...array.path.split('/').map(encodeURIComponent)].join('/');
  const bytes = fs.readFileSync(path.join(config.expected_dir, array.file));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const onDisk = path.join(config.demo_dir, link.name, array.path);
  return ways(array).map((way) => ({
    what: `${link.name} :: ${array.path}${way.told ?? ''}`,
    told: `${array.dtype}${JSON.stringify(array.shape)} v${array.zarr_format}${array.sharded ? ' sharded' : ''}`,
    source: { url, zarrFormat: array.zarr_format, onDisk, ...way },
    expected: { shape: array.shape, dtype: array.dtype, sha256 },
  }));
});

async function refused(what, act) {
  let outcome;
  try {
    outcome = await act();
  } catch (why) {
    const told = `${why} ${why.cause ?? ''}`;
    line(!told.includes('ECONNREFUSED') && !told.includes('ERR_CONNECTION_REFUSED'), `${what} raises ${told.slice(0, 180)}`);
    return;
  }
  line(false, `${what} did not raise, it gave ${JSON.stringify(outcome)?.slice(0, 80)}`);
}

// Runs every check by `open(source)` -> handle and `read(handle)` -> {shape, dtype, sha256}. `renew` is called after the revoke, before anything
// is opened anew: a browser forgets its cache there. `ways(array)`: what else is put into `source`, once for each way of reading that array.
export async function readAll(name, open, read, { renew = async () => {}, ways = bySuffix } = {}) {
  const cases = casesOf(ways);
  if (cases.length === 0) line(false, `${name}: no array to read`);
  if (mode === 'across') {
    const opened = [];
    for (const one of cases) opened.push([one, await open(one.source)]);
    console.log('opened');
    await new Promise((resolve) => readline.createInterface(process.stdin).once('line', resolve));
    for (const [one, handle] of opened) await refused(`${name}: ${one.what}, open,`, () => read(handle));
    await renew();
  }
  for (const one of cases) {
    const whole = async () => read(await open(one.source));
    if (mode !== 'read') {
      await refused(`${name}: ${one.what}`, whole);
      continue;
    }
    const values = await whole().catch((why) => ({ error: `${why} ${why.cause ?? ''}` }));
    const equal = JSON.stringify(values) === JSON.stringify(one.expected);
    line(equal, `${name}: ${one.what} ${one.told}${equal ? '' : `: got ${JSON.stringify(values)}, on disk ${JSON.stringify(one.expected)}`}`);
  }
}

export function done() {
  process.exit(failed ? 1 : 0);
}
