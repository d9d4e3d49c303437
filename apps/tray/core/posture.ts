import { POSTURE_FACTS, type PostureMiss } from '@gatehouse/protocol';
import { type MessageKey, translator } from './i18n/index.ts';
import { clean } from './text.ts';
import type { Locale, Platform } from './types.ts';

type Fact = (typeof POSTURE_FACTS)[number];
/** What to do about these doesn't depend on the system. */
const GENERAL = ['os_name', 'os_version', 'os_supported'] as const;

const isFact = (fact: string): fact is Fact => (POSTURE_FACTS as readonly string[]).includes(fact);
const isGeneral = (fact: Fact): fact is (typeof GENERAL)[number] => (GENERAL as readonly string[]).includes(fact);

/** What a fact is called, and what to do where a policy wishes it otherwise. Facts that we don't know keep their name. */
export function factText(
  locale: Locale,
  platform: Platform,
  fact: string,
  wanted: string,
): { name: string; advice: string } {
  const t = translator(locale);
  if (!isFact(fact)) return { name: clean(fact) || t('name.unnamed'), advice: t('advice.other') };
  const name = t(`fact.${fact}`);
  if (fact === 'os_version') return { name, advice: t('advice.os_version', { wanted: clean(wanted, 64) || '?' }) };
  if (isGeneral(fact)) return { name, advice: t(`advice.${fact}`) };
  return { name, advice: t(`advice.${fact}.${platform}` satisfies MessageKey) };
}

/** One miss a fact, in the order in which people are shown facts, unknown ones last. */
export function missesByFact(misses: readonly PostureMiss[]): PostureMiss[] {
  const first = new Map<string, PostureMiss>();
  for (const miss of misses) if (!first.has(miss.fact)) first.set(miss.fact, miss);
  const place = ({ fact }: PostureMiss): number => (isFact(fact) ? POSTURE_FACTS.indexOf(fact) : POSTURE_FACTS.length);
  return [...first.values()].sort((a, b) => place(a) - place(b));
}
