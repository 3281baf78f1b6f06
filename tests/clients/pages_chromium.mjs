// The pages in headless Chromium, scripts switched off: `node pages_chromium.mjs CONFIG`. Run by pages.py, which writes the configuration.
import fs from 'node:fs';
import path from 'node:path';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

const { app, data, codes, shots, link, password, landings, paused, viewer, institution, issuer } = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
let failed = false;
function check(passed, what) {
  failed ||= !passed;
  console.log(passed ? 'ok   ' : 'FAIL ', what.replaceAll(/\s+/g, ' '));
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  chromiumSandbox: false,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--disable-dev-shm-usage'],
});

// A person's browser, which tells what a page complains of, and what it asks for elsewhere.
const complaints = [];
async function person(options = {}) {
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.on('console', (message) => complaints.push(message.text()));
  page.on('request', (request) => new URL(request.url()).origin === app || complaints.push(`asks ${request.url()}`));
  return page;
}

// A copy of a page as it stands there, in a browser that runs scripts: axe is one, and the pages forbid every script.
const lens = await (await browser.newContext({ bypassCSP: true })).newPage();
let copied;
await lens.route((url) => url.href === copied?.url, (route) => route.fulfill({ contentType: 'text/html; charset=utf-8', body: copied.html }));
async function accessible(page, name) {
  copied = { url: page.url(), html: await page.content() };
  await lens.setViewportSize(page.viewportSize());
  const found = [];
  for (const colorScheme of ['light', 'dark']) {
    await lens.emulateMedia({ colorScheme });
    await lens.goto(copied.url);
    await lens.evaluate(axe.source);
    const { passes, violations } = await lens.evaluate(() => axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
    if (!passes.some(({ id }) => id === 'color-contrast')) found.push(`${colorScheme}: no text was looked at`);
    for (const { id, nodes } of violations) found.push(`${colorScheme}: ${id} at ${nodes.map(({ target }) => target).join(', ')}`);
  }
  check(found.length === 0, `${name}, accessible in light and dark ${found.join('; ')}`);
}
async function shot(page, name) {
  await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
  await accessible(page, name);
}

async function signIn(page, name) {
  await page.goto(`${app}/`);
  await page.fill('#code', codes[name]);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${app}/`);
}

// By the keyboard alone, from nothing to a ticket, and out again.
const member = await person();
await member.goto(`${app}/`);
check(member.url() === `${app}/sign-in`, `home leads to ${member.url()}`);
check(await member.locator('#code').evaluate((field) => field.matches(':focus')), 'the field for the code has the focus');
await shot(member, 'sign-in');
await member.keyboard.type('offprint_code_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
await member.keyboard.press('Enter');
await member.getByRole('alert').waitFor();
check((await member.inputValue('#code')) === '', 'a code that does not work is told, and not repeated');
await shot(member, 'sign-in-wrong');
await signIn(member, 'demo-member');
check(await member.getByRole('heading', { level: 1 }).innerText() === 'Hello, demo-member', 'a code signs in');
const cookie = (await member.context().cookies()).find(({ name }) => name === 'offprint-session');
check(cookie?.httpOnly && cookie.sameSite === 'Lax', 'the session lies in a cookie that no script reads');
await shot(member, 'home');
const ticket = member.getByRole('link', { name: /Make a ticket/ });
check(await ticket.count() === 1, 'what is shared is listed');
await ticket.focus();
await member.keyboard.press('Enter');
await member.waitForURL(/tickets\/new$/);
await shot(member, 'ticket-new');
await member.selectOption('#minutes', '60');
await member.getByRole('button', { name: 'Make ticket' }).click();
await member.getByRole('heading', { name: 'Ticket made' }).waitFor();
const url = await member.inputValue('#url');
await shot(member, 'ticket-made');
const read = await fetch(`${url}zarr.json`);
check(url.startsWith(`${data}/~`) && read.ok && (await read.json()).zarr_format === 3, 'the ticket opens what it is for');
await member.goto(`${app}/nothing`);
await shot(member, 'nothing');
check(await member.getByRole('heading', { level: 1 }).innerText() === 'Nothing is here', 'what is not there is a page');
await member.goto(`${app}/`);
await member.getByRole('button', { name: 'Sign out' }).click();
await member.getByRole('status').waitFor();
check((await member.context().cookies()).length === 0 && member.url() === `${app}/sign-in?signed_out=true`, 'signing out takes the cookie');
await shot(member, 'signed-out');
await member.goBack();
await member.reload();
check(!(await member.content()).includes('Hello'), 'going back shows nothing of the session');

// A form of another site's, sent by this very browser, does nothing: the browser says whose it is.
const maker = await person();
await signIn(maker, 'demo-maker');
const foreign = await person();
await foreign.context().addCookies(await maker.context().cookies());
await foreign.route('http://evil.example/', (route) => route.fulfill({ contentType: 'text/html', body: `<form method="post" action="${app}/sign-out"><button>win</button></form>` }));
await foreign.goto('http://evil.example/');
await foreign.click('button');
await foreign.waitForURL(`${app}/sign-out`);
check((await foreign.content()).includes('not sent by a page of this app'), 'a form of another site is refused');
await shot(foreign, 'refused');
await maker.reload();
check((await maker.getByRole('heading', { level: 1 }).innerText()) === 'Hello, demo-maker', 'and ends no session');

// A link with a password, opened by somebody without an account, by the keyboard alone.
const reader = await person();
await reader.goto(link);
check(reader.url() === `${app}/s/${link.split('/')[3]}`, 'a link with a password leads to its page');
await shot(reader, 'link');
await reader.keyboard.type('wrong horse battery');
await reader.keyboard.press('Enter');
await reader.getByRole('alert').waitFor();
check((await reader.inputValue('#password')) === '', 'a wrong password is told, and not repeated');
await reader.keyboard.type(password);
await reader.keyboard.press('Enter');
await reader.getByRole('heading', { name: 'Open' }).waitFor();
await shot(reader, 'link-opened');
const opened = await fetch(`${await reader.inputValue('#url')}/zarr.json`);
check(opened.ok && (await opened.json()).zarr_format === 3, 'the pass opens it');
check((await reader.context().cookies()).length === 0, 'and is no session');

// Links' pages, opened by somebody without an account. Of data that try to run in them nothing runs and nothing is asked for elsewhere: not in a browser
// that runs scripts, and not in one that would run even what our policy forbids.
const pageOf = (url) => `${app}/s/${url.split('/')[3]}`;
const fits = (page) => page.locator('html').evaluate((html) => [html.scrollWidth, html.clientWidth]);
for (const [number, { name, url: address }] of landings.entries()) {
  const visitor = await person();
  const answer = await visitor.goto(pageOf(address));
  check(answer.status() === 200 && (await visitor.getByRole('heading', { level: 1 }).innerText()) === name.split('/').pop(), `the page of ${name}`);
  check(answer.headers()['content-security-policy'].startsWith("default-src 'none';"), 'its policy is that of every page');
  check(!(await visitor.title()).includes(address.split('/')[3]), 'no key stands in its title');
  await shot(visitor, `landing-${number}`);
  for (const summary of await visitor.locator('summary').all()) await summary.click();
  await accessible(visitor, `landing-${number}, unfolded`);
  for (const [kind, options] of [['small', { viewport: { width: 360, height: 720 } }], ['dark', { colorScheme: 'dark' }], ['large-text', { viewport: { width: 320, height: 720 } }]]) {
    const other = await person(options);
    await other.goto(pageOf(address));
    for (const summary of await other.locator('summary').all()) await summary.click();
    await shot(other, `landing-${number}-${kind}`);
    const [scrolled, seen] = await fits(other);
    check(scrolled <= seen, `${name}, ${kind}: ${scrolled} of ${seen} pixels`);
  }
}
for (const bypassCSP of [false, true]) {
  const context = await browser.newContext({ bypassCSP });
  const page = await context.newPage();
  const asked = [];
  page.on('request', (request) => new URL(request.url()).origin === app || asked.push(request.url()));
  page.on('dialog', (dialog) => asked.push(`dialog ${dialog.message()}`));
  await page.goto(pageOf(landings.at(-1).url));
  for (const summary of await page.locator('summary').all()) await summary.click();
  await page.waitForTimeout(500);
  const found = await page.evaluate(() => ({ hurt: globalThis.hurt, active: document.querySelectorAll('main script, main img, main iframe, main form, main style, main link, main base, main meta, svg[onload]').length,
    handlers: [...document.querySelectorAll('*')].flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith('on') || name === 'style').length,
    hrefs: [...document.querySelectorAll('a[href]')].map(({ protocol }) => protocol).filter((protocol) => !['http:', 'https:'].includes(protocol)).length,
    text: document.body.innerText }));
  check(found.hurt === undefined && asked.length === 0, `nothing of the data runs or is loaded, policy ${bypassCSP ? 'off' : 'on'}: ${found.hurt} ${asked.join(' ')}`);
  check(found.active === 0 && found.handlers === 0 && found.hrefs === 0, `no element, handler or address of theirs: ${found.active} ${found.handlers} ${found.hrefs}`);
  check(['<script>top.hurt=1</script>', '<img src=x onerror=top.hurt=1>', '{{7*7}}'].every((payload) => found.text.includes(payload)), 'they are shown as they are');
}
const closed = await person();
check((await closed.goto(pageOf(paused))).status() === 200 && (await closed.content()).includes('Paused by its maker'), 'a paused link says so');
await shot(closed, 'link-paused');
// By the keyboard alone, scripts off: browse, share, make a link, open it as a stranger, pause, resume, revoke; and what whoever decides sees.
const press = async (page, locator) => {
  await locator.focus();
  check(await locator.evaluate((one) => one.matches(':focus-visible')), `${(await locator.innerText()).trim() || 'a control'} shows its focus`);
  await page.keyboard.press('Enter');
};
const to = (page, name) => page.getByRole('link', { name, exact: true });
const hit = (page, name) => page.getByRole('button', { name, exact: true });
const office = await person();
const administrator = Object.keys(codes).find((name) => !name.startsWith('demo-'));
await signIn(office, administrator);
await press(office, to(office, 'Sources'));
await office.waitForURL(`${app}/sources`);
await shot(office, 'sources');
await press(office, to(office, 'all of it'));
await office.waitForURL(`${app}/sources/demo/`);
await shot(office, 'browse');
const row = office.getByRole('row').filter({ has: office.getByRole('button', { name: /^Share/ }) }).first();
const chosen = (await row.getByRole('rowheader').innerText()).trim();
await press(office, row.getByRole('button', { name: /^Share/ }));
await office.waitForURL(/\/datasets\/d[a-z2-7]+\/sharing$/);
const sharing = office.url();
check((await office.content()).includes('Anyone who has this link can read'), `what a link to ${chosen} gives is said before`);
await shot(office, 'sharing-new');
await press(office, hit(office, 'Create link'));
await office.waitForURL(/\/links\/l[a-z2-7]+\?done=/);
check(await office.locator('#page').evaluate((field) => field.matches(':focus')), 'the new address has the focus');
await shot(office, 'link-created');
const made = await office.inputValue('#url');
// What was known of a link is asked again after five seconds.
const stranger = async (...wanted) => {
  for (let tries = 20; tries > 0; tries -= 1) {
    if (wanted.includes((await fetch(made, { redirect: 'manual' })).status)) return true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return false;
};
check(await stranger(200, 302), 'a stranger opens it');
await press(office, hit(office, 'Pause link'));
await office.getByText('Link paused.').waitFor();
await shot(office, 'link-paused');
check(await stranger(410), 'paused, it opens nothing');
await press(office, hit(office, 'Resume link'));
await office.getByText('Link resumed').waitFor();
check(await stranger(200, 302), 'resumed, it opens again, at the same URL');
await press(office, to(office, 'Revoke link…'));
await office.getByRole('heading', { name: 'Revoke this link?' }).waitFor();
await shot(office, 'link-revoke');
await office.fill('#reason', 'the talk is over');
await press(office, hit(office, 'Revoke link'));
await office.getByText('Link revoked.').waitFor();
await shot(office, 'link-revoked');
check(await stranger(410), 'revoked, it opens nothing');
await office.goto(`${app}/links`);
await shot(office, 'links');
await office.goto(`${app}/links?q=no+such+label`);
await shot(office, 'links-none');
await office.goto(`${app}/links`);
for (const box of await office.getByRole('checkbox').all()) {
  await box.focus();
  await office.keyboard.press('Space');
}
await press(office, hit(office, 'Revoke…'));
await office.getByRole('heading', { name: /^Revoke \d+ links?\?$/ }).waitFor();
await shot(office, 'links-together');
await office.goBack();
await press(office, hit(office, 'Extend…'));
await press(office, hit(office, /^Extend \d+ links?$/));
await office.getByRole('heading', { name: /extended$/ }).waitFor();
await shot(office, 'links-done');
await office.goto(sharing);
await office.fill('#to', 'demo-visitor');
await press(office, hit(office, 'Share…'));
await office.getByRole('heading', { name: /^Share with/ }).waitFor();
await shot(office, 'grant-add');
await press(office, hit(office, 'Share'));
await office.getByText('Shared.').waitFor();
await shot(office, 'sharing');
await office.fill('#who', 'demo-visitor');
await press(office, hit(office, 'Check'));
await office.getByText('yes: demo-visitor to read').waitFor();
await shot(office, 'sharing-checked');
await press(office, to(office, 'Remove… demo-visitor'));
await office.getByRole('heading', { name: /^Remove/ }).waitFor();
await shot(office, 'grant-remove');
await press(office, hit(office, 'Remove'));
await office.getByText('Removed.').waitFor();
await office.fill('#to', 'nobody at all');
await press(office, hit(office, 'Share…'));
await office.getByRole('alert').waitFor();
check((await office.inputValue('#to')) === 'nobody at all', 'a form that is refused keeps what was typed');
await shot(office, 'grant-refused');
await office.goto(sharing.replace('/sharing', '/links/new'));
await shot(office, 'link-new');
await office.goto(sharing.replace('/sharing', ''));
await shot(office, 'dataset');
await office.goto(`${app}/sources/demo/nothing/`);
await shot(office, 'browse-empty');

// What others see of it: whoever may read and not share, and whoever has nothing.
const looker = await person();
await signIn(looker, 'demo-visitor');
await looker.goto(`${app}/sources`);
await shot(looker, 'sources-empty');
await looker.goto(`${app}/links`);
await shot(looker, 'links-empty');
await looker.goto(sharing);
check((await looker.getByRole('heading', { level: 1 }).innerText()) === 'Nothing is here', 'what one may not know of is not there');

// With scripts: an address is copied by one more press, and nothing else changes.
const quick = await person({ javaScriptEnabled: true, storageState: await office.context().storageState(), permissions: ['clipboard-read', 'clipboard-write'] });
await quick.goto(sharing);
await quick.fill('#link-label', 'with scripts');
await press(quick, hit(quick, 'Create link'));
await quick.waitForURL(/\/links\/l[a-z2-7]+\?done=/);
await quick.getByRole('button', { name: /^Copy/ }).first().waitFor();
check(await quick.getByRole('button', { name: /^Copy/ }).first().evaluate((button) => button.matches(':focus')), 'Copy has the focus');
await quick.keyboard.press('Enter');
await quick.getByText('Copied').waitFor();
check((await quick.evaluate(() => navigator.clipboard.readText())) === (await quick.inputValue('#page')), 'and copies the address');
await shot(quick, 'link-copied');

// A viewer asks to read: what a person sees before and after consenting, and of a viewer that is not allowed.
await maker.goto(`${app}/api/v1/authorize?viewer=${encodeURIComponent(viewer)}`);
await shot(maker, 'authorize');
await maker.getByRole('button', { name: 'Let it read' }).click();
await maker.getByRole('heading', { name: 'Handed to the viewer' }).waitFor();
await shot(maker, 'authorized');
await maker.goto(`${app}/api/v1/authorize?viewer=https%3A%2F%2Fother.test`);
check(await maker.getByRole('button', { name: 'Let it read' }).count() === 0, 'a viewer that is not allowed cannot be let read');
await shot(maker, 'authorize-not-allowed');

// Somebody of an institution, who has never been here: to its provider and back, and then to where a page was asked for.
const grace = await (await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 800 } })).newPage();
await grace.route((url) => url.hostname !== '127.0.0.1', (route) => route.abort());
await grace.goto(`${institution}/`);
await shot(grace, 'sign-in-provider');
const leave = grace.getByRole('link', { name: `Sign in with ${new URL(issuer).host}` });
await leave.focus();
await grace.keyboard.press('Enter');
await grace.waitForURL((url) => url.href.startsWith(`${issuer}/`));
await grace.fill('input[name=login]', 'grace');
await grace.fill('input[name=password]', 'anything');
await grace.keyboard.press('Enter');
await grace.getByRole('button', { name: 'Continue' }).click();
await grace.waitForURL(`${institution}/`);
check(await grace.getByRole('heading', { level: 1 }).innerText() === 'Hello, Grace', 'a provider signs in whom it knows, and nobody typed a code');
const ours = async () => (await grace.context().cookies()).filter(({ name }) => name.startsWith('offprint-'));
const [session, ...others] = await ours();
check(session?.name === 'offprint-session' && session.httpOnly && session.sameSite === 'Lax' && others.length === 0, 'a session is left, and nothing of the way there');
await shot(grace, 'home-provider');
await grace.getByRole('button', { name: 'Sign out' }).click();
await grace.getByRole('status').waitFor();
check((await ours()).length === 0, 'signing out takes the session');
await grace.goto(`${institution}/datasets/d${'a'.repeat(26)}/tickets/new`);
check(new URL(grace.url()).pathname === '/sign-in', 'a page for those who are signed in leads to the sign-in');
await leave.click();
// The provider remembers who it is, and asks a native app's people for their consent each time (RFC 8252, section 8.6).
await grace.getByRole('button', { name: 'Continue' }).click();
await grace.waitForURL(`${institution}/datasets/*/tickets/new`);
check(await grace.getByRole('heading', { level: 1 }).innerText() === 'Nothing is here', 'and on to the page that was asked for');
// An answer of the provider's that this browser did not go for is none: a link to it signs nobody in as somebody else.
const lured = await (await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 800 } })).newPage();
await lured.goto(`${institution}/sign-in/callback?code=stolen&state=stolen&iss=${encodeURIComponent(issuer)}`);
check((await lured.context().cookies()).every(({ name }) => name !== 'offprint-session'), 'an answer that nobody went for signs nobody in');
await shot(lured, 'callback-refused');

// Dark, small, and enlarged: nothing scrolls sideways.
for (const [name, options] of [
  ['dark', { colorScheme: 'dark' }],
  ['small', { viewport: { width: 320, height: 640 } }],
  ['small-dark', { viewport: { width: 320, height: 640 }, colorScheme: 'dark' }],
]) {
  const page = await person({ ...options, storageState: await office.context().storageState() });
  const link = new URL(quick.url()).pathname;
  const dataset = new URL(sharing).pathname.replace('/sharing', '');
  for (const [where, address] of [
    ['home', '/'], ['nothing', '/nothing'], ['sources', '/sources'], ['browse', '/sources/demo/'], ['links', '/links'], ['link', link],
    ['link-revoke', `${link}/revoke`], ['dataset', dataset], ['sharing', `${dataset}/sharing`], ['link-new', `${dataset}/links/new`],
  ]) {
    await page.goto(app + address);
    await shot(page, `${where}-${name}`);
    const [scrolled, seen] = await page.locator('html').evaluate((html) => [html.scrollWidth, html.clientWidth]);
    check(scrolled <= seen, `${where}, ${name}: ${scrolled} of ${seen} pixels`);
  }
  const fresh = await person(options);
  await fresh.goto(`${app}/sign-in`);
  await shot(fresh, `sign-in-${name}`);
}
complaints.splice(0, complaints.length, ...complaints.filter((told) => told !== `asks ${link}`));
const foreseen = /evil\.example|status of (403|404|422)/;
check(complaints.every((told) => foreseen.test(told)), `the console is quiet: ${complaints.filter((told) => !foreseen.test(told)).join(' | ')}`);
await browser.close();
process.exit(failed ? 1 : 0);
