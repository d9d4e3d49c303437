import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { personOf } from './oidc-claims.ts';
import { createFlows, FLOW_SECONDS } from './oidc-flows.ts';

const URI = 'https://gatehouse.example/callback';

describe('sign-ins under way', () => {
  it('come back once, to the browser that began them', () => {
    const flows = createFlows();
    const browser = flows.browserOf(undefined);
    const { state, ...flow } = flows.begin(browser, URI, 0);
    assert.equal(flow.redirectUri, URI);
    for (const other of [undefined, '', 'x', flows.browserOf(undefined), `${browser}x`]) {
      assert.equal(flows.take(state, other, 1), 'foreign');
    }
    assert.deepEqual(flows.take(state, browser, 1), flow);
    assert.equal(flows.take(state, browser, 1), 'unknown');
    assert.equal(flows.take('x', browser, 1), 'unknown');
  });

  it('are over after ten minutes, and swept', () => {
    const flows = createFlows();
    const browser = flows.browserOf(undefined);
    const { state } = flows.begin(browser, URI, 0);
    const end = FLOW_SECONDS * 1000;
    assert.equal(flows.take(state, browser, end), 'unknown');
    flows.begin(browser, URI, end);
    assert.equal(flows.size, 1);
    const last = flows.begin(browser, URI, end);
    assert.equal(typeof flows.take(last.state, browser, 2 * end - 1), 'object');
  });

  it('are bounded: the oldest goes', () => {
    const flows = createFlows(3);
    const browser = flows.browserOf(undefined);
    const states = [1, 2, 3, 4, 5].map((at) => flows.begin(browser, URI, at).state);
    assert.equal(flows.size, 3);
    const taken = states.map((state) => typeof flows.take(state, browser, 6));
    assert.deepEqual(taken, ['string', 'string', 'object', 'object', 'object']);
  });

  it('share the secret of their browser, which is nothing that another made up', () => {
    const flows = createFlows();
    const secret = flows.browserOf(undefined);
    assert.equal(flows.browserOf(secret), secret);
    for (const odd of ['', 'x', `${secret}=`, `${secret} `]) assert.notEqual(flows.browserOf(odd), odd);
  });
});

describe('claims', () => {
  const claims = { iss: 'https://id.example', sub: 'a' };
  const groups = (more: object, name = 'groups') => personOf({ ...claims, ...more }, name).groups;

  it('are taken in the limits of the appliance', () => {
    assert.deepEqual(personOf(claims, 'groups'), {
      issuer: 'https://id.example',
      subject: 'a',
      email: '',
      name: '',
      username: '',
      groups: undefined,
    });
    const email = (more: object) => personOf({ ...claims, ...more }, 'groups').email;
    assert.equal(email({ email: 'a@b.example' }), 'a@b.example');
    assert.equal(email({ email: 'a@b.example', email_verified: true }), 'a@b.example');
    assert.equal(email({ email: 'a@b.example', email_verified: false }), '');
    assert.equal(email({ email: 'a@b.example', email_verified: 'false' }), '');
    for (const bad of ['a', 'a b@c', '@', 'a\u0000@b', 5, ['a@b'], `${'x'.repeat(250)}@b.example`])
      assert.equal(email({ email: bad }), '');
    const { name } = personOf({ ...claims, name: ` A\u0000\nB ${'😀'.repeat(200)}` }, 'groups');
    assert.equal([...name].length, 128);
    assert.ok(name.startsWith('A B 😀'));
  });

  it('have groups as a list, a text, under a URL, or within another claim', () => {
    assert.deepEqual(groups({ groups: ['a', 5, 'b'] }), ['a', 'b']);
    assert.deepEqual(groups({ groups: 'a b' }), ['a b']);
    assert.deepEqual(groups({ 'https://x.example/groups': ['a'] }, 'https://x.example/groups'), ['a']);
    assert.deepEqual(groups({ realm_access: { roles: ['a'] } }, 'realm_access.roles'), ['a']);
    for (const odd of [{}, { groups: null }, { groups: { a: 1 } }, { groups: 5 }]) assert.equal(groups(odd), undefined);
    for (const name of ['__proto__', 'constructor.name', 'toString', 'iss.length', '.']) {
      assert.equal(groups({}, name), undefined, name);
    }
  });
});
