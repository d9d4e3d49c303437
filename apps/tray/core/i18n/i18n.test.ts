import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkParity, defineCatalog } from './catalog.ts';
import { catalogs, pickLocale, translator } from './index.ts';

const CORE = join(import.meta.dirname, '..');
/** Words that are the same in another language. */
const ALIKE = ['fact.firewall'];

describe('our catalogues', () => {
  test('are whole and alike in five languages', () => assert.deepEqual(checkParity(catalogs, ALIKE), []));

  test('have no text that nothing shows', () => {
    const sources = readdirSync(CORE)
      .filter((name) => name.endsWith('.ts') && !name.includes('test'))
      .map((name) => readFileSync(join(CORE, name), 'utf8'))
      .join('\n');
    const literals = new Set(sources.match(/'[a-z]+\.[a-z0-9_.-]+'/g)?.map((quoted) => quoted.slice(1, -1)));
    const families = (sources.match(/`[a-z]+\.[^`\s]*\$\{[^`\s]+`/g) ?? []).map((template) => {
      const parts = template.slice(1, -1).split(/\$\{[^}]+\}/);
      return new RegExp(`^${parts.map((part) => part.replaceAll('.', '\\.')).join('[a-z0-9_-]+')}$`);
    });
    assert.ok(literals.size > 30 && families.length > 5);
    const unused = Object.keys(catalogs.en).filter(
      (key) => !literals.has(key) && !families.some((family) => family.test(key)),
    );
    assert.deepEqual(unused, []);
  });

  test('address people politely', () => {
    const familiar = {
      de: 'du|dein|deine|dich|dir|euch',
      fr: 'tu|ton|toi|tes',
      es: 'tú|tu|tus|te',
      tr: 'sen|senin|seni',
    };
    for (const [locale, words] of Object.entries(familiar)) {
      const pattern = new RegExp(`(?<!\\p{L})(?:${words})(?!\\p{L})`, 'iu');
      const rude = Object.entries(catalogs[locale as 'de']).filter(([, text]) => pattern.test(JSON.stringify(text)));
      assert.deepEqual(rude, []);
    }
  });
});

describe('translating', () => {
  const { translator: of } = defineCatalog(
    { hello: 'Hello {name}', things: { one: 'One thing of {name}', other: '{n} things of {name}' } },
    {
      de: { hello: 'Hallo {name}', things: { one: 'Ein Ding von {name}', other: '{n} Dinge von {name}' } },
      fr: {
        hello: 'Bonjour {name}',
        things: { one: '{n} chose de {name}', many: '{n} choses de {name}', other: '{n} choses de {name}' },
      },
      tr: { hello: 'Merhaba {name}', things: { one: '{name}: bir şey', other: '{name}: {n} şey' } },
      es: {
        hello: 'Hola {name}',
        things: { one: 'Una cosa de {name}', many: '{n} de cosas de {name}', other: '{n} cosas de {name}' },
      },
    },
  );
  test('puts values in, and reads none of them', () => {
    assert.equal(of('fr')('hello', { name: '{name} $& {n}' }), 'Bonjour {name} $& {n}');
  });
  test('chooses the plural of the language', () => {
    assert.equal(of('en')('things', { n: 1, name: 'x' }), 'One thing of x');
    assert.equal(of('en')('things', { n: 0, name: 'x' }), '0 things of x');
    assert.equal(of('fr')('things', { n: 0, name: 'x' }), '0 chose de x');
    assert.equal(of('de')('things', { n: 12_000, name: 'x' }), '12.000 Dinge von x');
    assert.match(of('es')('things', { n: 2_000_000, name: 'x' }), /^2.000.000 de cosas de x$/);
  });
  test('ours', () => {
    assert.equal(translator('de')('state.connected.title', { network: 'R&D' }), 'Mit R&D verbunden');
    assert.equal(translator('tr')('note.more', { n: 3 }), 'Ve 3 şey daha.');
  });
});

describe('the parity check', () => {
  const en = { a: 'An apple for {name}', b: { one: 'one', other: '{n} bees' } };
  const good = { a: 'Apfel: {name}', b: { one: 'eine', other: '{n} Bienen' } };
  const romance = { a: 'Pomme : {name}', b: { one: '{n} abeille', many: '{n} abeilles', other: '{n} abeilles' } };
  const check = (de: unknown) =>
    checkParity(defineCatalog(en, { de: de as typeof good, fr: romance, es: romance, tr: good }).catalogs);
  const table: [string, unknown, RegExp | null][] = [
    ['all is well', good, null],
    ['a key is missing', { a: good.a }, /^de: b is missing$/],
    ['a key too many', { ...good, c: 'x' }, /^de: c isn't in English$/],
    ['another placeholder', { ...good, a: 'Apfel: {nam}' }, /^de: a has \{nam\}, English \{name\}$/],
    ['no placeholder', { ...good, a: 'Apfel' }, /^de: a has no placeholder/],
    ['the number left out of many', { ...good, b: { one: 'eine', other: 'Bienen' } }, /^de: b has no placeholder/],
    ['left in English', { ...good, a: en.a }, /^de: a reads as in English$/],
    ['empty', { ...good, a: ' ' }, /^de: a is empty/],
    ['no plural', { ...good, b: '{n} Bienen' }, /^de: b is a plural in one language only$/],
    ['a plural form is missing', { ...good, b: { other: '{n} Bienen' } }, /^de: b lacks the plural one$/],
  ];
  for (const [name, de, problem] of table) {
    test(name, () => {
      const problems = check(de);
      if (problem) assert.match(problems[0] ?? '', problem);
      else assert.deepEqual(problems, []);
    });
  }
});

describe('which language', () => {
  const table: [Parameters<typeof pickLocale>[0], string, string][] = [
    ['system', 'de-AT', 'de'],
    ['system', 'fr_CA.UTF-8', 'fr'],
    ['system', 'TR', 'tr'],
    ['system', 'es-419', 'es'],
    ['system', 'de@euro', 'de'],
    ['system', 'ja-JP', 'en'],
    ['system', 'C', 'en'],
    ['system', 'den', 'en'],
    ['system', '', 'en'],
    ['es', 'de-DE', 'es'],
  ];
  for (const [setting, system, locale] of table) {
    test(`${setting} on ${system || 'nothing'}`, () => assert.equal(pickLocale(setting, system), locale));
  }
});
