// One browser with the official web app open: its library, its cookies, and its socket.
// Every answer is also written down, so that it can be held against the contract afterwards.
import * as sdk from '@immich/sdk';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { io } from 'socket.io-client';

const { url, answers } = JSON.parse(process.env.WEB);
const LIMIT_MS = 30_000; // longer than the app waits: its worker may still be starting

sdk.setBaseUrl(`${url}/api`);
sdk.setFetch((address, { page, ...options }) => page.fetch(address, options));

export class Page {
  cookies = new Map();
  readable = new Set(); // the cookies that scripts can read
  heard = [];
  #waiting = new Set();

  /** The whole library, with this page's cookies; `link`: {key} or {slug}, sent with each call. */
  constructor(link = {}) {
    this.api = new Proxy(sdk, {
      get: (_, name) => {
        const call = sdk[name];
        const withPage = { page: this };
        return call.length < 2
          ? () => call(withPage)
          : (parameters = {}) => call({ ...link, ...parameters }, withPage);
      },
    });
  }

  async fetch(address, options = {}) {
    const headers = new Headers(options.headers);
    headers.set('cookie', [...this.cookies].map((pair) => pair.join('=')).join('; '));
    const response = await fetch(address, { ...options, headers });
    response.headers.getSetCookie().forEach((line) => this.#keep(line));
    const type = (response.headers.get('content-type') ?? '').split(';')[0];
    const body = type === 'application/json' ? await response.clone().text() : '';
    const { pathname, search } = new URL(address);
    const path = pathname.replace(/^\/api/, '');
    const method = options.method ?? 'GET';
    const answer = { method, path, search, status: response.status, type, body };
    appendFileSync(answers, JSON.stringify(answer) + '\n');
    return response;
  }

  /** A file of the server, as an <img>, a <video> or a download asks for it. */
  async load(path, headers = {}) {
    const response = await this.fetch(`${url}/api${path}`, { headers });
    return { response, bytes: Buffer.from(await response.arrayBuffer()) };
  }

  async logIn(email, password) {
    const made = await this.api.login({ loginCredentialDto: { email, password } });
    assert.ok(this.readable.has('immich_is_authenticated'), 'the cookie that the app looks for');
    assert.ok(!this.readable.has('immich_access_token'), 'a script can read the token');
    const [me] = await Promise.all([
      this.api.getMyUser(),
      this.api.getMyPreferences(),
      this.api.getAboutInfo(),
      this.api.getServerFeatures(),
    ]);
    assert.equal(me.id, made.userId);
    this.user = me;
    return this;
  }

  /** As the app opens it; resolves with the version that it is greeted with. */
  async connect() {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ');
    this.socket = io(url, {
      path: '/api/socket.io',
      transports: ['websocket'],
      reconnection: true,
      forceNew: true,
      autoConnect: false,
      extraHeaders: { cookie },
    });
    this.socket.onAny((name, ...details) => {
      this.heard.push([name, ...details]);
      this.#waiting.forEach((wait) => wait(name, details));
    });
    const greeted = this.hears('on_server_version');
    this.socket.connect();
    const [version] = await greeted;
    return version;
  }

  /** The details of the next event of that name which is the one. */
  hears(name, isIt = () => true) {
    return new Promise((resolve, reject) => {
      const finish = (end, value) => {
        clearTimeout(timer);
        this.#waiting.delete(wait);
        end(value);
      };
      const wait = (heard, details) => {
        if (heard === name && isIt(...details)) finish(resolve, details);
      };
      const timer = setTimeout(() => {
        const names = this.heard.map(([one]) => one).join(', ');
        finish(reject, new Error(`${name} was not heard: ${isIt}; but ${names}`));
      }, LIMIT_MS);
      this.#waiting.add(wait);
    });
  }

  /** The upload form: asks by checksum first, then sends. The listeners are told by a socket. */
  async upload(path, fields = {}) {
    const bytes = readFileSync(path);
    const checksum = createHash('sha1').update(bytes).digest('hex');
    const name = basename(path);
    const { results } = await this.api.checkBulkUpload({
      assetBulkUploadCheckDto: { assets: [{ id: name, checksum }] },
    });
    const [{ id, action, assetId, isTrashed }] = results;
    assert.equal(id, name);
    if (action === 'reject') return { id: assetId, status: 'duplicate', isTrashed };
    return this.send(bytes, name, fields);
  }

  send(bytes, name, fields = {}) {
    const date = new Date(Date.UTC(2023, 4, 6)).toISOString();
    const assetMediaCreateDto = {
      fileCreatedAt: date,
      fileModifiedAt: date,
      isFavorite: false,
      assetData: new File([bytes], name),
      ...fields,
    };
    return this.api.uploadAsset({ assetMediaCreateDto });
  }

  close() {
    this.socket?.disconnect();
  }

  #keep(line) {
    const [pair, ...attributes] = line.split('; ');
    const [, name, value] = pair.match(/^([^=]*)=(.*)$/);
    const marks = attributes.map((one) => one.toLowerCase());
    this.cookies.delete(name);
    this.readable.delete(name);
    if (
      marks.includes('max-age=0') ||
      marks.some((one) => one.startsWith('expires=thu, 01 jan 1970'))
    )
      return;
    this.cookies.set(name, value);
    if (!marks.includes('httponly')) this.readable.add(name);
  }
}

/** Upload them, and wait until each can be shown. */
export async function show(page, paths, fields = {}) {
  const shown = [];
  for (const path of paths) {
    const told = page.hears(
      'on_upload_success',
      (asset) => asset.originalFileName === basename(path),
    );
    const { id, status } = await page.upload(path, fields);
    assert.equal(status, 'created');
    const [asset] = await told;
    assert.equal(asset.id, id);
    shown.push(id);
  }
  return shown;
}

/** What a refused call was answered. */
export async function refusal(call) {
  const error = await call.then(
    () => assert.fail('it was not refused'),
    (error) => error,
  );
  if (!sdk.isHttpError(error)) throw error;
  return [error.status, error.data.message];
}
