/**
 * What runs in the stand-in's pages. Preload lives in an isolated world of Chromium, as in Electron; what it exposes
 * crosses to the page's own world as JSON in DOM events, where Electron has C++ for it. So a page could listen to those
 * events here, which it can't in Electron: that part of the isolation is not shown.
 */

/** In the page's own world, before its scripts: builds `window.<key>` from what preload describes. */
export const PAGE_WORLD = `(() => {
  if (window.top !== window) return;
  const callbacks = new Map(), waiting = new Map();
  let last = 0;
  const send = (type, data) => window.dispatchEvent(new CustomEvent('stand-in:' + type, { detail: JSON.stringify(data) }));
  const hear = (type, take) => window.addEventListener('stand-in:' + type, (event) => take(JSON.parse(event.detail)));
  let answer;
  hear('answer', (data) => { answer = data; });
  hear('settle', ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(value); else reject(new Error(error));
  });
  hear('callback', ({ fn, args }) => callbacks.get(fn)(...args));
  const call = (target) => (...args) => {
    const id = ++last;
    const encoded = args.map((arg) => {
      if (typeof arg !== 'function') return { value: arg };
      callbacks.set(id, arg);
      return { fn: id };
    });
    send('call', { id, target, args: encoded });
    const { kind, value, fn, error } = answer;
    if (kind === 'promise') return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    if (kind === 'function') return call({ fn });
    if (kind === 'error') throw new Error(error);
    return value;
  };
  hear('expose', ({ key, names }) => {
    const api = Object.freeze(Object.fromEntries(names.map((name) => [name, call({ key, name })])));
    Object.defineProperty(window, key, { value: api, enumerable: true });
  });
})();`;

/** The isolated world: \`require('electron')\` as a sandboxed preload has it, then the preload itself. */
export const preloadWorld = (preload: string): string => `(() => {
  if (window.top !== window) return;
  const exposed = new Map(), functions = new Map(), waiting = new Map(), listeners = new Map();
  let last = 0;
  const send = (type, data) => window.dispatchEvent(new CustomEvent('stand-in:' + type, { detail: JSON.stringify(data) }));
  const decode = ({ value, fn }) => fn === undefined ? value : (...args) => send('callback', { fn, args });
  window.addEventListener('stand-in:call', (event) => {
    const { id, target, args } = JSON.parse(event.detail);
    try {
      const run = target.fn === undefined ? exposed.get(target.key)[target.name] : functions.get(target.fn);
      const result = run(...args.map(decode));
      if (result instanceof Promise) {
        send('answer', { kind: 'promise' });
        result.then((value) => send('settle', { id, value }), (error) => send('settle', { id, error: error.message }));
      } else if (typeof result === 'function') {
        functions.set(id, result);
        send('answer', { kind: 'function', fn: id });
      } else send('answer', { kind: 'value', value: result });
    } catch (error) { send('answer', { kind: 'error', error: error.message }); }
  });
  globalThis.standInDeliver = ({ id, value, error, channel, args }) => {
    if (channel !== undefined) return void (listeners.get(channel) ?? []).forEach((hear) => hear({}, ...args));
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(value); else reject(new Error(error));
  };
  const electron = {
    contextBridge: {
      exposeInMainWorld: (key, api) => {
        exposed.set(key, api);
        send('expose', { key, names: Object.keys(api) });
      },
    },
    ipcRenderer: {
      invoke: (channel, ...args) => new Promise((resolve, reject) => {
        waiting.set(++last, { resolve, reject });
        standInInvoke(JSON.stringify({ id: last, channel, args, url: location.href }));
      }),
      on: (channel, hear) => listeners.set(channel, [...(listeners.get(channel) ?? []), hear]),
      off: (channel, hear) => listeners.set(channel, (listeners.get(channel) ?? []).filter((each) => each !== hear)),
    },
  };
  const require = (name) => { if (name === 'electron') return electron; throw new Error('module not found: ' + name); };
  const module = { exports: {} };
  ((require, module, exports) => { ${preload}
  })(require, module, module.exports);
})();`;
