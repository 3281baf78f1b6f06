// The pages in headless Chromium, scripts switched off: `node pages_chromium.mjs CONFIG`. Run by pages.py, which writes the configuration.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const { app, data, codes, shots, link, password } = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
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
const shot = (page, name) => page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });

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

// Dark, small, and enlarged: nothing scrolls sideways.
for (const [name, options] of [
  ['dark', { colorScheme: 'dark' }],
  ['small', { viewport: { width: 320, height: 640 } }],
  ['small-dark', { viewport: { width: 320, height: 640 }, colorScheme: 'dark' }],
]) {
  const page = await person({ ...options, storageState: await maker.context().storageState() });
  for (const [where, address] of [['home', '/'], ['nothing', '/nothing']]) {
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
