import { after, before } from 'node:test';
import { requires } from '../../../../test/requires.ts';
import { accessibility } from './cases/accessibility.ts';
import { build } from './cases/build.ts';
import { enrollment } from './cases/enrollment.ts';
import { home } from './cases/home.ts';
import { keyboard } from './cases/keyboard.ts';
import { pages } from './cases/pages.ts';
import { openStage, type Stage } from './harness.ts';

/** The built window in Chromium: one build, one browser and one page for all cases. */
const needs = requires('chromium');
const held: { stage?: Stage } = {};
before(async () => {
  if (needs.skip === false) held.stage = await openStage();
});
after(() => held.stage?.close());

const stage = (): Stage => {
  if (!held.stage) throw new Error('there is no browser');
  return held.stage;
};
for (const cases of [build, home, enrollment, pages, keyboard, accessibility]) cases(needs, stage);
