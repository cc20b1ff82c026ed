import { describe, expect, it } from 'vitest';
import { isLargeEmoji, isVisible, partsOf } from './text';

const links = (text: string): string[] => partsOf(text).flatMap((part) => (part.type === 'link' ? [part.href] : []));

describe('the text of a message', () => {
  it('is never lost, whatever links are found in it', () => {
    for (const text of ['', 'a https://x.example b', '(www.x.example).', 'https://', 'http://[', 'see https://x.example/a_(b), ok?']) {
      expect(partsOf(text).map((part) => part.text).join('')).toBe(text);
    }
  });

  it('has links without the punctuation behind them', () => {
    expect(links('Look (https://x.example/a). And www.y.example!')).toEqual(['https://x.example/a', 'https://www.y.example/']);
    expect(links('https://x.example/wiki/A_(b)')).toEqual(['https://x.example/wiki/A_(b)']);
  });

  it('makes no link of anything but http and https', () => {
    expect(links('javascript:alert(1) data:text/html,x file:///etc/passwd mailto:a@x.example')).toEqual([]);
  });

  it('is worth sending when something of it can be seen', () => {
    expect(['a', '👨‍👩‍👧', '❤️', '\u200b!'].map(isVisible)).toEqual([true, true, true, true]);
    expect(['', ' \n', '\u200b', '\u2060 \u00ad', '\u202e'].map(isVisible)).toEqual([false, false, false, false, false]);
  });

  it('is large when it is a few emoji and nothing else', () => {
    expect(['🎉', '👨‍👩‍👧 🇵🇹', '❤️'].map(isLargeEmoji)).toEqual([true, true, true]);
    expect(['1', '#', '🎉 yes', '1️⃣ 2', '🎉🎉🎉🎉🎉🎉🎉'].map(isLargeEmoji)).toEqual([false, false, false, false, false]);
  });
});
