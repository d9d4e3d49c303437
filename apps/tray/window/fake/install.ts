import { LOCALES, type Locale, type Settings } from '../../core/types.ts';
import { fake } from './bridge.ts';
import { isScene, snapshotOf } from './scenes.ts';

/** `?scene=connected&theme=dark&lang=de&fail=peers`: plays a scene in a browser, for development and tests. */
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

const bridge = fake(scene, { settings });
for (const name of query.getAll('fail'))
  Object.assign(bridge.broken, { [name]: `“${name}” fails, as the scene wants it` });
window.gatehouse = bridge;
Object.assign(window, { gatehouseFake: bridge });
