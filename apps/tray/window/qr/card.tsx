import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type DragEvent, useRef, useState } from 'react';
import { call } from '../bridge.ts';
import { useFrame } from '../model.tsx';
import { Icon } from '../parts/icons.tsx';
import { Failure } from '../parts/message.tsx';
import { Card } from '../parts/page.tsx';
import type { Problem } from './decode.ts';
import { MAX_BYTES, MAX_PIXELS } from './size.ts';

/** A QR code from a file, dropped or chosen, or from the clipboard. It is read in this page. */
export function QrCard() {
  const { t } = useFrame();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const say = (problem: Problem) =>
    problem === 'big'
      ? t('enroll.qrBig', { mb: `${MAX_BYTES / 1024 / 1024}`, mp: `${MAX_PIXELS / 1_000_000}` })
      : t(problem === 'type' ? 'enroll.qrType' : 'enroll.qrNone');

  const read = useMutation<void, Error, Blob | null>({
    networkMode: 'always',
    mutationFn: async (file) => {
      const picture = file ?? (await clipboard());
      if (!picture) throw new Error(t('enroll.qrEmpty'));
      const { decodeQr } = await import('./decode.ts');
      const found = await decodeQr(picture);
      if ('problem' in found) throw new Error(say(found.problem));
      await call('offer', { text: found.text.slice(0, 8192), from: 'qr' });
    },
  });

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer.files[0];
    if (file) read.mutate(file);
  };
  return (
    <Card title={t('enroll.qr')}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is one more way to do what the buttons do */}
      <div
        className="drop"
        data-over={over || undefined}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <Icon name="qr" size={32} />
        <p className="dim">{read.isPending ? t('enroll.qrReading') : t('enroll.qrDrop')}</p>
        <div className="buttons">
          <Button variant="default" size="sm" onClick={() => input.current?.click()}>
            {t('enroll.qrFile')}
          </Button>
          <Button variant="default" size="sm" onClick={() => read.mutate(null)}>
            {t('enroll.qrClipboard')}
          </Button>
        </div>
        <input
          ref={input}
          type="file"
          accept="image/png,image/jpeg,image/gif,image/webp"
          hidden
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            event.currentTarget.value = '';
            if (file) read.mutate(file);
          }}
        />
      </div>
      {read.error && <Failure error={read.error} />}
    </Card>
  );
}

/** The picture on the clipboard; the policy of this page lets nothing be fetched, so its data is unpacked by hand. */
async function clipboard(): Promise<Blob | null> {
  const url = await call('clipboardImage', null);
  const [, type, data] = /^data:(image\/\w+);base64,(.*)$/s.exec(url ?? '') ?? [];
  if (type === undefined || data === undefined) return null;
  return new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], { type });
}
