import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { until, useAppliance } from '../api/support.ts';
import { requires } from '../requires.ts';
import { makeNas, makePerson, radclient } from './support.ts';

describe('limits of the whole appliance', requires('radclient'), () => {
  const a = useAppliance();
  const lines = (station: string, user = 'alice') => [
    `User-Name = "${user}"`,
    `Calling-Station-Id = "02-00-00-00-00-0${station}"`,
    'NAS-Identifier = "ap-1"',
  ];
  const ask = (station: string, user?: string) => {
    const all = [...lines(station, user), 'User-Password = "reku-boda-42"', 'Message-Authenticator = 0x00'];
    return radclient(a.the, 'auth', all);
  };
  const auth = async (station: string) => (await ask(station)).code;
  const account = (station: string, type: string) =>
    radclient(a.the, 'acct', [...lines(station), `Acct-Status-Type = ${type}`, `Acct-Session-Id = "s${station}"`]);

  before(async () => {
    await makePerson(a.the, { username: 'alice', network: 'reku-boda-42' });
    await makePerson(a.the, { username: 'bob', network: 'reku-boda-42' });
    await makeNas(a.the);
    // A change holds within a second; before there is a limit nobody is counted for it.
    await until('alice is known', async () => (await ask('1')).code === 'Access-Accept');
    const attributes = '[{ name: Reply-Message, value: one at a time }]';
    const document = `name: one\nmatch: {}\ndecide: { action: allow, simultaneous_use: 1, attributes: ${attributes} }\n`;
    const made = await a.the.admin.post('/v1/policies', { document });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    await until('the policy holds', async () => /one at a time/.test((await ask('1', 'bob')).text));
  });

  test('simultaneous_use holds at the same moment, before any accounting', async () => {
    const codes = await Promise.all(['1', '2', '3'].map(auth));
    assert.deepEqual(codes.sort(), ['Access-Accept', 'Access-Reject', 'Access-Reject']);
  });

  test('the same device may come again, and another once the session is over', async () => {
    const codes = await Promise.all(['1', '2', '3'].map(async (station) => [station, await auth(station)]));
    const accepted = codes.filter(([, code]) => code === 'Access-Accept').map(([station]) => station as string);
    assert.equal(accepted.length, 1, JSON.stringify(codes));
    const [mine] = accepted as [string];
    const other = mine === '1' ? '2' : '1';
    await account(mine, 'Start');
    assert.deepEqual([await auth(other), await auth(mine)], ['Access-Reject', 'Access-Accept']);
    await account(mine, 'Stop');
    assert.equal(await auth(other), 'Access-Accept');
  });
});
