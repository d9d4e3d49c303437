import { createTheme, type MantineColorSchemeManager } from '@mantine/core';

/** What Mantine needs to know in script; its variables are in styles/theme.css. */
export const theme = createTheme({
  respectReducedMotion: true,
  defaultRadius: 'md',
  cursorType: 'pointer',
});

/** The theme is the app's setting: nothing is kept in the page. */
export function scheme(dark: boolean): MantineColorSchemeManager {
  return {
    get: () => (dark ? 'dark' : 'light'),
    set: () => {},
    subscribe: () => {},
    unsubscribe: () => {},
    clear: () => {},
  };
}
