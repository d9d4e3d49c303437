import type { FastifyReply } from 'fastify';
import type { Routes } from '../../http/index.ts';
import type { Portal } from './portal.ts';
import { CaptiveState, TokenQuery } from './schema.ts';
import { PORTAL_PAGE } from './tokens.ts';

/** Nothing from elsewhere, nothing inline. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in to the network</title>
<link rel="stylesheet" href="${PORTAL_PAGE}/portal.css">
</head>
<body>
<main>
<h1>Sign in to the network</h1>
<p id="text" role="status">One moment …</p>
<p><a id="sign-in" class="button" hidden>Sign in</a>
<button id="connect" type="button" hidden>Connect this device</button></p>
<noscript><p>This page needs JavaScript: open it in the browser of this device.</p></noscript>
</main>
<script src="${PORTAL_PAGE}/portal.js"></script>
</body>
</html>
`;

const CSS = `:root { color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif; }
body { margin: 0; }
main { max-width: 28rem; margin: 10vh auto; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; }
[hidden] { display: none !important; }
button, .button { display: block; width: 100%; box-sizing: border-box; padding: .8rem; border: 0; border-radius: .5rem;
  background: #1c5fd4; color: #fff; font: inherit; font-weight: 600; text-align: center; text-decoration: none; }
button:disabled { opacity: .6; }
`;

/** Old WebViews of phones run it too: no modules, no syntax after ES2017. */
const SCRIPT = `'use strict';
(function () {
  var AGAIN = 'Open any web page (http://) on the device that is to be let in: it leads here.';
  var WAIT = 'One moment …';
  var CONNECTED = 'This device is connected. You can close this page.';
  var UNEXPECTED = 'The server does not answer as it should.';
  var here = location.origin + '${PORTAL_PAGE}';
  var asked = new URLSearchParams(location.search);
  var token = asked.get('token') || '';
  var text = document.getElementById('text');
  var signIn = document.getElementById('sign-in');
  var connect = document.getElementById('connect');
  function show(message, what) {
    text.textContent = message;
    signIn.hidden = what !== signIn;
    connect.hidden = what !== connect;
  }
  async function call(path, options) {
    var response = await fetch(path, Object.assign({ credentials: 'same-origin', cache: 'no-store' }, options));
    var body = await response.json().catch(function () { return {}; });
    return { status: response.status, body: body };
  }
  // Back from the identity provider, the address is this page's without its token: a cookie keeps that meanwhile.
  function remember(value) {
    document.cookie = 'gatehouse_captive=' + value + '; path=${PORTAL_PAGE}; samesite=lax; max-age=' + (value ? 600 : 0);
  }
  function remembered() {
    var found = /(?:^|; )gatehouse_captive=([^;]*)/.exec(document.cookie);
    return found ? found[1] : '';
  }
  function askToSignIn() {
    remember(encodeURIComponent(token));
    signIn.href = '/api/v1/auth/start?redirect_uri=' + encodeURIComponent(here);
    show('This network asks who you are before it lets this device in.', signIn);
  }
  function post(path, body) {
    var headers = { 'content-type': 'application/json' };
    return call(path, { method: 'POST', headers: headers, body: JSON.stringify(body) });
  }
  async function admit() {
    connect.disabled = true;
    var answer = await post('/api/v1/captive-portal/authenticate', { captive_token: token });
    connect.disabled = false;
    if (answer.status === 401) return askToSignIn();
    if (answer.status !== 200) return show(answer.body.error || UNEXPECTED);
    remember('');
    show(CONNECTED);
  }
  async function comeBack() {
    token = decodeURIComponent(remembered());
    if (!token) return show(AGAIN);
    // Neither a reload nor whoever reads the address is to come by the code.
    history.replaceState(null, '', here + '?token=' + encodeURIComponent(token));
    askToSignIn();
    if (!asked.get('code')) return show('The sign-in was not finished: ' + asked.get('error'), signIn);
    show(WAIT);
    var answer = await post('/api/v1/auth/token', { code: asked.get('code'), state: asked.get('state'), redirect_uri: here });
    if (answer.status !== 200) return show(answer.body.error || UNEXPECTED, signIn);
    return admit();
  }
  async function start() {
    if (asked.get('state')) return comeBack();
    if (!token) return show(AGAIN);
    var state = await call('${PORTAL_PAGE}/api?token=' + encodeURIComponent(token));
    if (state.status !== 200) return show(state.body.error || UNEXPECTED);
    if (!state.body.captive) return show(CONNECTED);
    if (!state.body['user-portal-url']) return show('This page is too old. ' + AGAIN);
    var me = await call('/api/v1/users/me');
    if (me.status === 401) return askToSignIn();
    if (me.status !== 200) return show(me.body.error || UNEXPECTED);
    show('Signed in as ' + me.body.username + '. Go on only if you opened this page yourself, on your own device.', connect);
  }
  function failed() { show('The server cannot be reached. Try again in a moment.'); }
  connect.addEventListener('click', function () { admit().catch(failed); });
  start().catch(failed);
})();
`;

/** What browsers see of the portal; for the prefix PORTAL_PAGE. */
export const portalPage =
  (portal: Portal): Routes =>
  async (app) => {
    const page = { config: { access: 'public' }, schema: { hide: true } } as const;
    const send = (reply: FastifyReply, type: string, text: string) =>
      reply
        .header('content-security-policy', POLICY)
        .header('cache-control', 'no-store')
        .type(`${type}; charset=utf-8`)
        .send(text);
    app.get('/', page, (_request, reply) => send(reply, 'text/html', HTML));
    app.get('/portal.js', page, (_request, reply) => send(reply, 'text/javascript', SCRIPT));
    app.get('/portal.css', page, (_request, reply) => send(reply, 'text/css', CSS));
    app.get(
      '/api',
      {
        config: { access: 'public' },
        // RFC 8908: whether the device is held up that a captive token was given for.
        schema: { hide: true, querystring: TokenQuery, response: { 200: CaptiveState } },
      },
      async (request, reply) => {
        const state = await portal.captiveState(request.query.token, `${request.protocol}://${request.host}`);
        return reply.header('cache-control', 'private, no-store').type('application/captive+json').send(state);
      },
    );
  };
