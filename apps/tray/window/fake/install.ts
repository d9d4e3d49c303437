import { LOCALES, type Locale, type Settings } from '../../core/types.ts';
import { fake } from './bridge.ts';
import { isScene, snapshotOf } from './scenes.ts';

/** `?scene=connected&theme=dark&lang=de`: plays a scene in a browser, for development and tests. */
const query = new URLSearchParams(location.search);
const wanted = query.get('scene') ?? 'connected';
const scene = isScene(wanted) ? wanted : 'connected';
const theme = query.get('theme');
const language = LOCALES.find((locale): locale is Locale => locale === query.get('lang'));
const settings: Settings = {
  ...snapshotOf(scene).settings,
  ...((theme === 'light' || theme === 'dark') && { theme }),
  ...(language && { language }),
};

window.gatehouse = fake(scene, { settings });
Object.assign(window, { gatehouseFake: window.gatehouse });
