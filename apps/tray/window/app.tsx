import { Button, Loader, MantineProvider } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { QueryClientProvider } from '@tanstack/react-query';
import { startTransition, useCallback, useEffect, useMemo, useState } from 'react';
import type { Page } from '../core/ipc/table.ts';
import type { Locale, WindowModel } from '../core/types.ts';
import { call, errorText } from './bridge.ts';
import { Frame } from './frame.tsx';
import { windowTexts } from './i18n/index.ts';
import { FrameProvider } from './model.tsx';
import { queryClient } from './queries.ts';
import { scheme, theme } from './theme.ts';

/** The first model comes with the answer to `ready`; events bring the next ones. */
function useMain() {
  const [model, setModel] = useState<WindowModel | null>(null);
  const [page, show] = useState<Page>('home');
  // A transition: the page that is there stays until the next one's script has come.
  const setPage = useCallback((next: Page) => startTransition(() => show(next)), []);
  const [error, setError] = useState<unknown>(null);
  const begin = useCallback(() => {
    setError(null);
    call('ready', null).then(
      (first) => setModel((newer) => newer ?? first),
      (failed) => setError(failed),
    );
  }, []);
  useEffect(() => {
    const end = window.gatehouse.onEvent((event) => {
      if (event.type === 'model') setModel(event.model);
      else setPage(event.page);
    });
    begin();
    return end;
  }, [begin, setPage]);
  return { model, page, setPage, error, begin };
}

export function App() {
  const { model, page, setPage, error, begin } = useMain();
  const systemDark = useMediaQuery('(prefers-color-scheme: dark)', undefined, { getInitialValueInEffect: false });
  const locale = model?.locale ?? systemLocale();
  const t = useMemo(() => windowTexts.translator(locale), [locale]);
  const wanted = model?.settings.theme ?? 'system';
  const dark = wanted === 'system' ? systemDark === true : wanted === 'dark';

  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  const ready = model !== null;
  useEffect(() => {
    if (ready) performance.mark('interactive');
  }, [ready]);

  return (
    <MantineProvider
      theme={theme}
      forceColorScheme={dark ? 'dark' : 'light'}
      colorSchemeManager={scheme(dark)}
      // These two would put <style> elements into the page, which its policy forbids; styles/theme.css has them.
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={queryClient}>
        {model ? (
          <FrameProvider value={{ model, t, page, go: setPage }}>
            <Frame />
          </FrameProvider>
        ) : (
          <main className="boot">
            {error ? (
              <div role="alert">
                <p>{errorText(error)}</p>
                <Button onClick={begin}>{t('common.retry')}</Button>
              </div>
            ) : (
              <Loader aria-label={t('app.loading')} role="status" />
            )}
          </main>
        )}
      </QueryClientProvider>
    </MantineProvider>
  );
}

/** Before the first model. */
function systemLocale(): Locale {
  const language = navigator.language.slice(0, 2);
  return language === 'de' || language === 'fr' || language === 'tr' || language === 'es' ? language : 'en';
}
