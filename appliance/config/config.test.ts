import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { formatAddress, parseAddress } from './address.ts';
import { parseConfig } from './file.ts';
import { ConfigError, loadConfig } from './index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};
/** The message of the ConfigError that `fn` throws. */
const fault = (fn: () => unknown): string => {
  try {
    fn();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return assert.fail('it must throw');
};

describe('settings', () => {
  it('have the documented defaults', () => {
    assert.deepEqual(loadConfig({}), {
      dataDir: path.resolve('data'),
      configFile: path.resolve('data/gatehouse.yaml'),
      listen: { host: '127.0.0.1', port: 8080 },
      tls: undefined,
      publicUrl: undefined,
      database: undefined,
      adminPassword: undefined,
      auth: undefined,
      log: { level: 'info' },
      radius: {
        auth: { host: '127.0.0.1', port: 1812 },
        acct: { host: '127.0.0.1', port: 1813 },
        radsec: undefined,
        dictionary: undefined,
        rejectDelayMs: 1000,
        eapWorkers: undefined,
        batched: true,
        tlsMaxTunnel: '1.2',
      },
      logs: {
        syslog: { host: '127.0.0.1', port: 5514 },
        syslogTls: undefined,
        syslogTlsClients: 'required',
        tenant: 'local',
        edge: hostname(),
        witnesses: [],
        witnessFor: [],
        tsa: undefined,
        tsaCa: [],
      },
    });
  });

  it('come from the file in the data folder; the environment wins', () => {
    write(
      'site/gatehouse.yaml',
      'listen: "[::1]:80"\ntls:\n  listen: 0.0.0.0:443\n  cert: cert.pem\n  key: /etc/key.pem\ndatabase: postgres://db/gatehouse\nlog: { level: debug }\n',
    );
    const dataDir = path.join(folder, 'site');
    const fromFile = loadConfig({ GATEHOUSE_DATA: dataDir });
    assert.deepEqual(fromFile.listen, { host: '::1', port: 80 });
    assert.deepEqual(fromFile.tls, {
      listen: { host: '0.0.0.0', port: 443 },
      cert: path.join(dataDir, 'cert.pem'),
      key: path.resolve('/etc/key.pem'),
    });
    assert.equal(fromFile.database, 'postgres://db/gatehouse');
    assert.equal(fromFile.log.level, 'debug');

    const fromEnv = loadConfig({
      GATEHOUSE_DATA: dataDir,
      GATEHOUSE_LISTEN: 'box.example:0',
      GATEHOUSE_TLS_LISTEN: 'off',
      GATEHOUSE_DATABASE: 'postgresql://me:p%40ss@db:5433/other?host=/run/postgresql',
      GATEHOUSE_ADMIN_PASSWORD: 'secret password',
      PATH: '/bin',
    });
    assert.deepEqual(fromEnv.listen, { host: 'box.example', port: 0 });
    assert.equal(fromEnv.tls, undefined);
    assert.equal(fromEnv.database, 'postgresql://me:p%40ss@db:5433/other?host=/run/postgresql');
    assert.equal(fromEnv.adminPassword, 'secret password');
    assert.deepEqual(loadConfig({ GATEHOUSE_DATA: dataDir, GATEHOUSE_LISTEN: '' }), fromFile, 'empty is unset');
  });

  it('of the logs come from both; bad ones are told with what to write', () => {
    const key = 'hub.example/witness+0123abcd+AQID';
    write(
      'logs/gatehouse.yaml',
      `logs: { syslog_tls: "[::]:6514", tenant: example.com, edge: e-1, tsa: "http://tsa.example/",
        witnesses: [{ url: "https://hub.example/witness/", key: ${key} }] }\n`,
    );
    const { logs } = loadConfig({ GATEHOUSE_DATA: path.join(folder, 'logs'), GATEHOUSE_SYSLOG: 'off' });
    assert.deepEqual(
      [logs.syslog, logs.syslogTls, logs.tenant, logs.edge, logs.tsa, logs.witnesses],
      [
        undefined,
        { host: '::', port: 6514 },
        'example.com',
        'e-1',
        'http://tsa.example/',
        [{ url: 'https://hub.example/witness', key }],
      ],
    );
    assert.throws(() => loadConfig({ GATEHOUSE_SYSLOG: 'x' }), /GATEHOUSE_SYSLOG .*host:port.*or off/);
    for (const [text, about] of [
      ['logs: { tenant: "a b" }', /logs.tenant is "a b": write letters/],
      ['logs: { tsa_ca: none.pem }', /logs.tsa_ca is "none.pem": .*ENOENT/],
      ['logs: { tsa: tsa.example }', /logs.tsa has "tsa.example": write a URL/],
      ['logs: { witness_for: [x] }', /logs.witness_for has "x": write a verifier key/],
      ['logs: { witnesses: [{ url: "https://a", kye: x }] }', /kye is not a setting; known here: url, key/],
      ['logs: { syslog_tls_clients: all }', /one of required, any/],
    ] as const) {
      const file = write('logs-bad.yaml', text);
      assert.match(
        fault(() => loadConfig({ GATEHOUSE_CONFIG: file })),
        about,
      );
    }
  });

  it('of RADIUS come from both; a port may be off, and bad ones name the setting', () => {
    write('radius/gatehouse.yaml', 'radius: { auth: "0.0.0.0:1812", radsec: "[::]:2083", dictionary: own }\n');
    const dataDir = path.join(folder, 'radius');
    const { radius } = loadConfig({ GATEHOUSE_DATA: dataDir, GATEHOUSE_RADIUS_ACCT: 'off' });
    assert.deepEqual(
      [radius.auth, radius.acct, radius.radsec, radius.dictionary],
      [{ host: '0.0.0.0', port: 1812 }, undefined, { host: '::', port: 2083 }, path.join(dataDir, 'own')],
    );
    assert.throws(() => loadConfig({ GATEHOUSE_RADIUS_AUTH: 'x' }), /GATEHOUSE_RADIUS_AUTH .*host:port.*or off/);
    for (const [text, about] of [
      ['radius: { reject_delay_ms: 99999 }', /radius.reject_delay_ms is out of range: its maximum is 10000/],
      ['radius: { tls_max_tunnel: "1.1" }', /radius.tls_max_tunnel is not one of its values; one of 1.2, 1.3/],
      ['radius: { eap_worker: 2 }', /did you mean 'eap_workers'/],
    ] as const) {
      write('bad/gatehouse.yaml', text);
      assert.throws(() => loadConfig({ GATEHOUSE_DATA: path.join(folder, 'bad') }), about);
    }
  });

  it('leave the variables of the agent and of other capabilities alone', () => {
    for (const name of ['GATEHOUSE_AGENT_STATE', 'GATEHOUSE_TOKEN']) {
      loadConfig({ [name]: 'x' });
    }
  });

  it('that are unknown stop the start with the nearest name', () => {
    assert.match(
      fault(() => loadConfig({ GATEHOUSE_LISTN: 'x' })),
      /^GATEHOUSE_LISTN is not .* Did you mean GATEHOUSE_LISTEN\?/,
    );
    assert.match(
      fault(() => loadConfig({ GATEHOUSE_DB: '' })),
      /^GATEHOUSE_DB is not a setting/,
    );
    assert.match(
      fault(() => loadConfig({ GATEHOUSE_QUITE_ELSE: '1' })),
      /not a setting\. Known are GATEHOUSE_DATA,/,
    );
    assert.match(
      fault(() => loadConfig({}, ['--port'])),
      /argument "--port" is not known/,
    );
  });

  it('that are bad stop the start with name, value and an example', () => {
    for (const bad of [
      '8080',
      ':8080',
      'host',
      '1.2.3.4:65536',
      '1.2.3:80',
      '::1:80',
      '[::1]',
      '[1.2.3.4]:80',
      'a b:80',
      'h:-1',
      '*:80',
    ]) {
      const message = fault(() => loadConfig({ GATEHOUSE_LISTEN: bad }));
      assert.ok(message.startsWith(`GATEHOUSE_LISTEN is ${JSON.stringify(bad)}, not host:port`), message);
      assert.match(message, /For example 127\.0\.0\.1:8080/);
    }
    assert.match(
      fault(() => loadConfig({ GATEHOUSE_TLS_LISTEN: 'on' })),
      /^GATEHOUSE_TLS_LISTEN is "on".*or off/,
    );
    assert.match(
      fault(() => loadConfig({ GATEHOUSE_CONFIG: path.join(folder, 'none') })),
      /cannot be read.*GATEHOUSE_CONFIG/,
    );
    assert.match(
      fault(() => loadConfig({ GATEHOUSE_CONFIG: folder })),
      /cannot be read/,
    );
  });

  it('take a public address with https or http, and nothing that no device could use', () => {
    const read = (value: string) => loadConfig({ GATEHOUSE_PUBLIC_URL: value }).publicUrl;
    assert.equal(read('https://gate.example.org/'), 'https://gate.example.org');
    assert.equal(read('HTTPS://Gate.example.org:8443/site/a//'), 'https://gate.example.org:8443/site/a');
    assert.equal(read('http://[2001:db8::1]:8080'), 'http://[2001:db8::1]:8080');
    for (const bad of [
      'gate.example.org',
      'ftp://x',
      'https://',
      'https://a b',
      'https://x?y',
      'https://x/#y',
      'https:x',
    ]) {
      assert.match(
        fault(() => read(bad)),
        /^GATEHOUSE_PUBLIC_URL is .*https:\/\/gate\.example\.org/,
        bad,
      );
    }
    assert.doesNotMatch(
      fault(() => read('https://u:hunter2@x')),
      /hunter2/,
    );
    const file = write('public.yaml', 'public_url: nowhere\n');
    assert.match(
      fault(() => loadConfig({ GATEHOUSE_CONFIG: file })),
      /public\.yaml:1: public_url is "nowhere"/,
    );
  });

  it('never show the password of a database', () => {
    for (const bad of [
      'mysql://u:hunter2@h/d',
      'postgres://u:hunter2@h',
      'postgres://u:hunter2%@h/d',
      'hunter2',
      'postgres://u:hunter2@[/d',
    ]) {
      const message = fault(() => loadConfig({ GATEHOUSE_DATABASE: bad }));
      assert.match(message, /^GATEHOUSE_DATABASE is .*For example postgres:/);
      assert.ok(!message.includes('hunter2'), message);
    }
  });

  it('of the file are named by file and line', () => {
    const file = write('bad.yaml', '# comment\nlisten: nowhere\n');
    assert.match(
      fault(() => loadConfig({ GATEHOUSE_CONFIG: file })),
      /bad\.yaml:2: listen is "nowhere", not host:port/,
    );
    const half = write('half.yaml', 'tls:\n  cert: a.pem\n');
    assert.match(
      fault(() => loadConfig({ GATEHOUSE_CONFIG: half })),
      /half\.yaml:2: tls\.cert is set and tls\.key is not/,
    );
  });
});

describe('gatehouse.yaml', () => {
  const faults = (text: string): string => fault(() => parseConfig(text, 'g.yaml'));

  it('may be empty or comments only', () => {
    assert.deepEqual(parseConfig('', 'g.yaml').settings, {});
    assert.deepEqual(parseConfig('# nothing\n', 'g.yaml').settings, {});
  });

  it('has its faults told, each at its line', () => {
    assert.deepEqual(faults('\nlisen: x\ntls:\n  cert: 5\n  foo: 3\nlog:\n  level: loud\n').split('\n').sort(), [
      "g.yaml:2: lisen is not a setting; did you mean 'listen'?",
      'g.yaml:4: tls.cert is 5; write the path of a PEM file',
      'g.yaml:5: tls.foo is not a setting; known here: listen, cert, key',
      'g.yaml:7: log.level is not a level; one of fatal, error, warn, info, debug, trace, silent',
    ]);
    assert.equal(faults('- a'), "g.yaml:1: this is [ 'a' ]; write settings as `listen: 127.0.0.1:8080`");
    assert.equal(faults('listen: 8080'), 'g.yaml:1: listen is 8080; write host:port, for example 127.0.0.1:8080');
    assert.match(faults('a: 1\nb: [1'), /^g\.yaml:2: /);
    assert.match(faults('listen: a\nlisten: b'), /^g\.yaml:2: .*unique/);
    assert.match(faults('x: *nowhere'), /^g\.yaml:1: /);
    assert.match(faults('smtp: {}'), /smtp is not a setting/);
    assert.match(faults('data: /x'), /data is not a setting/);
    assert.match(faults('__proto__: { listen: a }'), /__proto__ is not a setting/);
  });

  it('gives settings or a ConfigError, whatever it holds', () => {
    const keys = fc.constantFrom(
      'listen',
      'tls',
      'cert',
      'key',
      'database',
      'log',
      'level',
      '__proto__',
      'constructor',
      '<<',
      '? [a]',
      '1',
    );
    const values = fc.oneof(
      fc.string(),
      fc.constantFrom('{', '&a [*a]', '*a', '!!binary x', '!!js x', '|', '[]', '{}', '~', '\t', '---', '1e9', ': :'),
    );
    const line = fc
      .tuple(fc.constantFrom('', '  ', '- '), keys, values)
      .map(([indent, key, value]) => `${indent}${key}: ${value}`);
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(line).map((lines) => lines.join('\n')),
      fc.json(),
    );
    fc.assert(
      fc.property(text, (source) => {
        try {
          const { settings, where } = parseConfig(source, 'g.yaml');
          assert.equal(typeof settings, 'object');
          where('tls', 'listen');
        } catch (error) {
          assert.ok(error instanceof ConfigError, String((error as Error).stack));
          assert.match(error.message, /^g\.yaml:\d+: ./);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('gives a ConfigError for a bomb of aliases', () => {
    const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 9; level++) bomb.push(`a${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}]`);
    faults(bomb.join('\n'));
  });
});

describe('environment', () => {
  it('gives settings or a ConfigError, whatever it holds', () => {
    const names = fc.constantFrom(
      'GATEHOUSE_DATA',
      'GATEHOUSE_LISTEN',
      'GATEHOUSE_TLS_LISTEN',
      'GATEHOUSE_DATABASE',
      'GATEHOUSE_CONFIG',
      'GATEHOUSE_X',
    );
    const values = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl(),
      fc.ipV6(),
      fc.string().map((text) => `postgres://${text}`),
    );
    fc.assert(
      fc.property(fc.dictionary(names, values), (env) => {
        try {
          loadConfig({ ...env, GATEHOUSE_DATA: path.join(folder, env.GATEHOUSE_DATA ?? '') });
        } catch (error) {
          assert.ok(error instanceof ConfigError, String((error as Error).stack));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('addresses', () => {
  it('are read as they are written', () => {
    const hosts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    fc.assert(
      fc.property(hosts, fc.integer({ min: 0, max: 65535 }), (host, port) => {
        assert.deepEqual(parseAddress(formatAddress({ host, port })), { host, port });
      }),
    );
  });
});
