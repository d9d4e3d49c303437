import { Button, PasswordInput, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useCall, useFrame } from '../model.tsx';
import { Failure } from '../parts/message.tsx';
import { Card, PageBody } from '../parts/page.tsx';
import { QrCard } from '../qr/card.tsx';

/** Three ways in: a link, a QR code, two fields. Each leads to the question on the card above. */
export default function Enroll() {
  const { t } = useFrame();
  return (
    <PageBody title={t('enroll.title')}>
      <p className="intro">{t('enroll.intro')}</p>
      <ByLink />
      <QrCard />
      <ByFields />
    </PageBody>
  );
}

function ByLink() {
  const { t } = useFrame();
  const offer = useCall('offer');
  const [text, setText] = useState('');
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== '') offer.mutate({ text: text.trim(), from: 'paste' }, { onSuccess: () => setText('') });
  };
  return (
    <Card>
      <form onSubmit={send} className="form">
        <TextInput
          label={t('enroll.link')}
          description={t('enroll.linkHint')}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          maxLength={8192}
          autoComplete="off"
          spellCheck={false}
        />
        {offer.error && <Failure error={offer.error} />}
        <Button type="submit" disabled={text.trim() === ''} loading={offer.isPending}>
          {t('enroll.linkDo')}
        </Button>
      </form>
    </Card>
  );
}

function ByFields() {
  const { t } = useFrame();
  const offer = useCall('offerToken');
  const [url, setUrl] = useState('');
  const [token, setToken] = useState('');
  const ready = url.trim() !== '' && token.trim() !== '';
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (ready) offer.mutate({ url: url.trim(), token: token.trim() }, { onSuccess: () => setToken('') });
  };
  return (
    <Card title={t('enroll.fields')}>
      <form onSubmit={send} className="form">
        <TextInput
          label={t('enroll.url')}
          placeholder="https://gate.example.org"
          value={url}
          onChange={(event) => setUrl(event.currentTarget.value)}
          maxLength={2048}
          autoComplete="off"
          spellCheck={false}
        />
        <PasswordInput
          label={t('enroll.token')}
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          maxLength={512}
          autoComplete="off"
          visibilityToggleButtonProps={{ 'aria-label': t('enroll.tokenShow'), tabIndex: 0, 'aria-hidden': false }}
        />
        {offer.error && <Failure error={offer.error} />}
        <Button type="submit" disabled={!ready} loading={offer.isPending}>
          {t('enroll.linkDo')}
        </Button>
      </form>
    </Card>
  );
}
