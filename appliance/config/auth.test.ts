import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigError, loadConfig } from './index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-auth-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function load(auth: unknown, env: Record<string, string> = {}) {
  // JSON is YAML.
  writeFileSync(path.join(folder, 'gatehouse.yaml'), JSON.stringify({ auth }));
  return loadConfig({ GATEHOUSE_DATA: folder, ...env }).auth;
}

function fault(auth: unknown, env: Record<string, string> = {}): string {
  try {
    load(auth, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  assert.fail(`it must throw for ${JSON.stringify(auth)}`);
}

const least = { issuer: 'https://id.example/realms/x', client_id: 'gatehouse' };

describe('auth settings', () => {
  it('have defaults', () => {
    assert.deepEqual(load(least), {
      issuer: 'https://id.example/realms/x',
      clientId: 'gatehouse',
      clientSecret: undefined,
      scopes: ['openid', 'profile', 'email'],
      groupsClaim: 'groups',
      adminGroup: undefined,
      userGroup: undefined,
      redirectUris: undefined,
    });
  });

  it('come from the file and the environment, which wins', () => {
    writeFileSync(path.join(folder, 'secret'), ' from-a-file\n');
    const file = {
      ...least,
      client_secret_file: 'secret',
      scopes: ['openid', 'groups', 'openid'],
      groups_claim: 'realm_access.roles',
      admin_group: 'ops',
      user_group: 'staff',
      redirect_uris: ['https://gatehouse.example/callback', 'http://127.0.0.1:8080/callback'],
    };
    const auth = load(file);
    assert.deepEqual([auth?.clientSecret, auth?.scopes], ['from-a-file', ['openid', 'groups']]);
    assert.deepEqual([auth?.groupsClaim, auth?.adminGroup, auth?.userGroup], ['realm_access.roles', 'ops', 'staff']);
    assert.equal(auth?.redirectUris?.length, 2);
    const env = {
      GATEHOUSE_AUTH_ISSUER: 'http://localhost:9000',
      GATEHOUSE_AUTH_CLIENT_ID: 'other',
      GATEHOUSE_AUTH_CLIENT_SECRET: 'from-the-environment',
    };
    const both = load(file, env);
    assert.deepEqual(
      [both?.issuer, both?.clientId, both?.clientSecret, both?.adminGroup],
      ['http://localhost:9000', 'other', 'from-the-environment', 'ops'],
    );
  });

  it('that are bad stop the start, and say what to write', () => {
    assert.match(fault({}), /needs auth\.issuer \(or GATEHOUSE_AUTH_ISSUER\)/);
    assert.match(fault({ issuer: least.issuer }), /needs auth\.client_id/);
    assert.match(fault({ ...least, client_id: '' }), /needs auth\.client_id/);
    assert.match(fault(undefined, { GATEHOUSE_AUTH_CLIENT_SECRET: 'x' }), /needs auth\.issuer/);
    for (const issuer of [
      'id.example',
      'http://id.example',
      'https://id.example?x',
      'https://id.example#x',
      'ftp://x',
    ]) {
      assert.match(fault({ ...least, issuer }), /gatehouse\.yaml:1: auth\.issuer is .*not an https:\/\/ URL/, issuer);
    }
    assert.doesNotMatch(fault({ ...least, issuer: 'https://me:secret@id.example' }), /secret/);
    assert.match(
      fault({}, { ...{ GATEHOUSE_AUTH_ISSUER: 'x', GATEHOUSE_AUTH_CLIENT_ID: 'x' } }),
      /^GATEHOUSE_AUTH_ISSUER/,
    );
    for (const scopes of [[], ['email'], ['openid', 'a b'], ['openid', '']]) {
      assert.match(fault({ ...least, scopes }), /auth\.scopes must be a list of scopes with openid/);
    }
    assert.match(fault({ ...least, scopes: 'openid' }), /auth\.scopes is 'openid'; write a list/);
    assert.match(fault({ ...least, admin_group: '' }), /auth\.admin_group is empty/);
    assert.match(fault({ ...least, redirect_uris: ['http://gatehouse.example/x'] }), /auth\.redirect_uris/);
    assert.match(fault({ ...least, redirect_uris: ['https://gatehouse.example'] }), /write it as https:.*example\/$/);
    assert.match(fault({ ...least, client_secret: 'x', client_secret_file: 'y' }), /give one of them/);
    assert.match(fault({ ...least, client_secret_file: 'none' }), /auth\.client_secret_file .*cannot be read/);
    writeFileSync(path.join(folder, 'empty'), '\n');
    assert.match(fault({ ...least, client_secret_file: 'empty' }), /holds no client secret/);
    assert.match(fault({ ...least, client_idd: 'x' }), /auth\.client_idd is not a setting; did you mean 'client_id'/);
    assert.match(fault({ ...least, client_id: 5 }), /auth\.client_id is 5; write a text/);
  });
});
