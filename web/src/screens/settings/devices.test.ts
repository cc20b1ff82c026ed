// @vitest-environment happy-dom
import { afterEach, expect, it } from 'vitest';
import { useLanguage } from '../../lib/i18n';
import { deviceWords } from './devices';

afterEach(() => useLanguage('en'));

it("names a device in the page's language, and leaves alone what another program says of itself", async () => {
  const devices = ['Samsung Internet on Android', 'Unknown device', '', 'loopync-bench/1.0', 'iPad'];
  expect(devices.map(deviceWords)).toEqual(['Samsung Internet on Android', 'Unknown device', 'Unknown device', 'loopync-bench/1.0', 'iPad']);
  await useLanguage('de');
  expect(devices.map(deviceWords)).toEqual(['Samsung Internet auf Android', 'Unbekanntes Gerät', 'Unbekanntes Gerät', 'loopync-bench/1.0', 'iPad']);
});
