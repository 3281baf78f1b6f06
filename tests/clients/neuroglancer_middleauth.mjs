// Private data in Neuroglancer, unmodified, by its middleauth: `node neuroglancer_middleauth.mjs CONFIG`. Run by middleauth.py, which says who may what.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { config, done, line } from './checks.mjs';
import { launchChromium, levelOnDisk, openSource, readLevel, serveViewer } from './neuroglancer/viewer.mjs';

const { app, viewer, other, folder, data_url: data } = config;
const tokenName = `auth_token_v2_${app}`;
// Facts of a token and of a grant are kept 5 s; a second more for the clock's grain.
const REFUSED_MS = 6000;
const PERSON_MS = 30_000;

const bundle = await serveViewer();
const front = await serveTls({ ...config.ports, 'viewer.example': bundle.port, 'other.example': bundle.port });
const browser = await launchChromium('--ignore-certificate-errors', '--host-resolver-rules=MAP * 127.0.0.1');
const tokens = [];

// Takes TLS off, and hands each connection to the port of the host that it names.
async function serveTls(ports) {
  const read = (name) => fs.readFileSync(path.join(folder, name));
  const server = tls.createServer({ key: read('tls.key'), cert: read('tls.crt') }, (outer) => {
    const inner = net.connect(ports[outer.servername] ?? 1, '127.0.0.1');
    for (const [one, another] of [[outer, inner], [inner, outer]]) {
      one.pipe(another);
      one.on('error', () => another.destroy());
    }
  });
  await new Promise((resolve) => server.listen(443, '127.0.0.1', resolve));
  return server;
}

// A browser with an empty cache, and what it `kept` of cookies and of the viewer's storage. `answers`: what the data origin was asked, and said.
async function freshPage(kept) {
  const context = await browser.newContext({ viewport: { width: 560, height: 240 }, ignoreHTTPSErrors: true, storageState: kept });
  const page = await context.newPage();
  page.answers = [];
  page.on('response', (answer) => {
    const url = new URL(answer.url());
    if (url.origin === data) page.answers.push(`${answer.status()} ${url.pathname}`);
  });
  return page;
}

// Whether nothing of any dataset was handed over: what the data origin says of itself is for everybody.
const nothingGiven = (page) => page.answers.every((answer) => answer === '200 /auth_info' || answer >= '4');

const loginButton = (page) => page.getByRole('button', { name: 'Login' });
const viewersToken = (page) => page.evaluate((name) => JSON.parse(localStorage.getItem(name)), tokenName);

// Presses the viewer's own button: the window that it opens.
async function pressLogin(page) {
  await loginButton(page).waitFor({ timeout: PERSON_MS });
  const [popup] = await Promise.all([page.waitForEvent('popup'), loginButton(page).click()]);
  await popup.waitForLoadState();
  return popup;
}

async function enterCode(popup) {
  await popup.fill('#code', config.code);
  await popup.keyboard.press('Enter');
}

// Consents, having seen for whom. The viewer closes the window itself, once it has what it waited for.
async function consent(popup) {
  const allow = popup.getByRole('button', { name: 'Let it read' });
  await allow.waitFor({ timeout: PERSON_MS });
  const shown = await popup.locator('main').innerText();
  line(shown.includes(viewer) && shown.includes(data), `consent: the page names ${viewer} and ${data}`);
  await Promise.all([popup.waitForEvent('close'), allow.click()]);
}

// Every array's levels that are quick to draw, with what they must hold.
const levels = (link) => config.expected
  .filter((array) => config.links[array.link] === link && array.shape[2] <= 64)
  .map((array) => ({ ...array, level: levelOnDisk(path.join(config.demo_dir, link.name, array.path)) }));
const sourceOf = (link, array) => `middleauth+${link.url.split('/').map((part, at) => (at < 4 ? part : encodeURIComponent(part))).join('/')}/|zarr${array.zarr_format}:`;

// Reads levels of a dataset from the pixels, `person` doing at the same time what the viewer asks for.
async function drawn(page, link, person = async () => {}) {
  for (const [index, array] of levels(link).entries()) {
    if (index > 0) await page.goto('about:blank');
    await Promise.all([openSource(page, viewer, sourceOf(link, array), array.level), index === 0 ? person() : undefined]);
    const expected = createHash('sha256').update(fs.readFileSync(path.join(config.expected_dir, array.file))).digest('hex');
    const got = createHash('sha256').update(await readLevel(page, array.level)).digest('hex');
    line(got === expected, `${link.name}/${array.path}, private: every value is drawn as it lies on disk`);
  }
}

// The viewer tells the person that it cannot, and draws nothing.
async function refused(page, what, link) {
  const [array] = levels(link);
  const why = await openSource(page, viewer, sourceOf(link, array), array.level).then(() => undefined, ({ message }) => message);
  line(why?.startsWith('the viewer shows, drawing nothing') && nothingGiven(page), `${what}: ${why ?? 'it is drawn'}`);
}

// One call of the command line, as the administrator or, with a session of its own, as somebody else.
function offprint(environment, ...words) {
  const quiet = { HOME: folder, PATH: process.env.PATH };
  return execFileSync(config.binary, [...words, '--json'], { env: { ...quiet, ...environment }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

const [first, second, third] = config.links;

// Nothing before consent; with it, the data.
const page = await freshPage();
await drawn(page, first, async () => {
  await loginButton(page).waitFor({ timeout: PERSON_MS });
  line(page.answers.length > 0 && nothingGiven(page), `before anybody signs in the viewer is given nothing: ${page.answers.join(', ')}`);
  const popup = await pressLogin(page);
  await enterCode(popup);
  await consent(popup);
});
const given = await viewersToken(page);
tokens.push(given.accessToken);
line(JSON.stringify(given.appUrls) === JSON.stringify([data]), `the token is for ${given.appUrls.join(', ')} alone`);
const kept = await page.context().storageState();
await drawn(await freshPage(kept), second);
line(true, 'a fresh page reads on with what the viewer keeps, nobody being asked');

// What the viewer holds reads data, and is nothing at the app: not to see what would outlive it, either.
const api = `http://127.0.0.1:${config.ports['app.example']}/api/v1`;
for (const [method, where, body] of [
  ['POST', '/links', { dataset: first.id }],
  ['POST', `/datasets/${first.id}/tickets`, {}],
  ['POST', '/tokens', { label: 'more', scopes: ['data'], days: 1 }],
  ['GET', '/links'],
  ['GET', '/tokens'],
  ['GET', '/me/shared'],
]) {
  const headers = { authorization: `Bearer ${given.accessToken}`, 'content-type': 'application/json' };
  const answer = await fetch(api + where, { method, headers, body: body && JSON.stringify(body) });
  const { code } = await answer.json();
  line(answer.status === 403 && code === 'scope', `the viewer's token, ${method} ${where}: ${answer.status} ${code}`);
}
await refused(await freshPage(kept), 'a dataset that was not granted', third);

// A viewer that is not allowed, in the browser of somebody who is signed in.
const stranger = await freshPage(kept);
const [array] = levels(first);
const never = openSource(stranger, other, sourceOf(first, array), array.level).then(() => 'drawn', () => 'nothing drawn');
const popup = await pressLogin(stranger);
line((await popup.locator('main').innerText()).includes('none that this deployment allows'), 'a viewer that is not allowed: the person is told');
line((await popup.getByRole('button', { name: 'Let it read' }).count()) === 0, 'and can consent to nothing');
line((await viewersToken(stranger)) === null && nothingGiven(stranger), `it is given nothing: ${stranger.answers.join(', ')}`);
// It opens the window of the one that is allowed, and the person falls for it: the token goes to a window of that one's, and there is none.
await stranger.evaluate(() => {
  window.told = [];
  window.addEventListener('message', ({ data: message }) => window.told.push(message));
});
const [trap] = await Promise.all([
  stranger.waitForEvent('popup'),
  stranger.evaluate((url) => void window.open(url), `${app}/api/v1/authorize?viewer=${encodeURIComponent(viewer)}`),
]);
await trap.getByRole('button', { name: 'Let it read' }).click();
await trap.locator('#given').waitFor();
await trap.evaluate(() => window.opener.postMessage('after the token', '*'));
await stranger.waitForFunction(() => window.told.includes('after the token'));
const told = await stranger.evaluate(() => window.told);
line(told.length === 1, `a token for another viewer does not reach it: it hears ${JSON.stringify(told)}`);
await stranger.context().close();
line((await never) === 'nothing drawn', 'and it draws nothing');

// The viewer asks for another token, is given nothing and draws nothing until there is consent again; then it draws on.
async function asksAgain(page, what, link) {
  page.answers.length = 0;
  await drawn(page, link, async () => {
    await loginButton(page).waitFor({ timeout: PERSON_MS });
    const refusals = page.answers.filter((answer) => answer.startsWith('401 '));
    line(refusals.length > 0 && nothingGiven(page), `${what}: the viewer asks for another; ${refusals.length} answers were 401, none gave anything`);
    // A new window has drawn nothing yet, and cannot count.
    const shown = await page.evaluate(() => globalThis.countDrawn?.());
    if (shown !== undefined) line(shown === 0, `${what}: ${shown} pixels are drawn while it waits`);
    await consent(await pressLogin(page));
  });
  const { accessToken } = await viewersToken(page);
  line(!tokens.includes(accessToken), 'it is another token');
  tokens.push(accessToken);
}

// The person revokes what the viewer was given, while it is open.
const ada = { OFFPRINT_URL: config.administrator.OFFPRINT_URL, XDG_CONFIG_HOME: path.join(folder, 'ada') };
const { code } = JSON.parse(offprint(config.administrator, 'user', 'code', 'ada'));
offprint(ada, 'sign-in', code);
function tokensOfViewers() {
  const listed = JSON.parse(offprint(ada, 'token', 'list'));
  return (listed.tokens ?? listed.items ?? listed).filter(({ label }) => label === `viewer ${viewer}`).map(({ id }) => id);
}
const mine = tokensOfViewers();
line(mine.length === 2, `${mine.length} tokens are listed as the viewer's`);
for (const id of mine) offprint(ada, 'token', 'revoke', id, '-y');
await new Promise((resolve) => setTimeout(resolve, REFUSED_MS));
await asksAgain(page, 'a revoked token, in an open viewer', second);

// What the viewer keeps from one day to the next has expired.
const keptLong = await page.context().storageState();
for (const id of tokensOfViewers().filter((id) => !mine.includes(id))) {
  execFileSync('python3', [path.join(import.meta.dirname, 'middleauth.py'), '--end-token', path.join(config.demo_dir, '..', 'table.db'), id]);
}
await new Promise((resolve) => setTimeout(resolve, REFUSED_MS));
const renewed = await freshPage(keptLong);
await asksAgain(renewed, 'an expired token, in a new window', first);

// The grant is withdrawn.
const keptLater = await renewed.context().storageState();
offprint(config.administrator, 'grant', 'withdraw', first.id, '--to', 'user:ada', '-y');
await new Promise((resolve) => setTimeout(resolve, REFUSED_MS));
await refused(await freshPage(keptLater), 'after the withdrawal of the grant', first);
await drawn(await freshPage(keptLater), second);

fs.writeFileSync(path.join(folder, 'tokens'), tokens.join('\n'));
await browser.close();
bundle.close();
front.close();
done();
