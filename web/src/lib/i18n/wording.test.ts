import { parse } from 'svelte/compiler';
import { describe, expect, it } from 'vitest';
import { en } from './en';

// Whatever a person reads or hears comes from the phrases: no component has words of its own, and no phrase is there for nothing.

interface Node {
  type: string;
  [field: string]: unknown;
}

const sources = import.meta.glob<string>(['/src/**/*.{svelte,ts}', '!/src/**/*.test.ts', '!/src/lib/i18n/{en,de}.ts'], {
  query: '?raw', import: 'default', eager: true,
});

/** Attributes of elements and properties of components and objects that are shown or read out. */
const WORDED = new Set(['aria-label', 'aria-description', 'aria-roledescription', 'aria-valuetext', 'title', 'placeholder', 'alt', 'label', 'text', 'hint', 'line', 'badge', 'error']);
const NAMES = /\bLoopync\b/g;
const letters = /\p{L}/u;
const sentence = /^\p{Lu}\S*\s+\S*\p{L}/u;

const isKey = (text: string): boolean => Object.hasOwn(en, text);
const isWords = (text: unknown): text is string => typeof text === 'string' && letters.test(text.replace(NAMES, '')) && !isKey(text);
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

function childrenOf(node: Node): Node[] {
  return Object.values(node).flat(2).filter(isNode);
}

function everyNode(node: Node): Node[] {
  return [node, ...childrenOf(node).flatMap(everyNode)];
}

const trees = new Map<string, Node[]>();

function treeOf(path: string, source: string): Node[] {
  const known = trees.get(source) ?? parsed(path, source);
  trees.set(source, known);
  return known;
}

function parsed(path: string, source: string): Node[] {
  const tree = parse(path.endsWith('.svelte') ? source : `<script lang="ts">${source}</script>`, { modern: true });
  return ([tree.fragment, tree.instance, tree.module] as unknown[]).filter(isNode);
}

/** The texts of a string or a template. */
function textsOf(node: Node): unknown[] {
  if (node.type === 'Literal') return [node.value];
  return node.type === 'TemplateElement' ? [(node.value as { cooked: string }).cooked] : [];
}

/** Texts that an expression may come to: not what it compares with, nor what it hands on to a function. */
function outcomesOf(node: Node): unknown[] {
  if (node.type === 'CallExpression' || node.type === 'BinaryExpression' && node.operator !== '+') return [];
  if (node.type === 'ConditionalExpression') return [node.consequent, node.alternate].flatMap((way) => outcomesOf(way as Node));
  return [...textsOf(node), ...childrenOf(node).flatMap(outcomesOf)];
}

/** Words that stand in the markup itself. */
function wordsInMarkup(node: Node): string[] {
  if (node.type === 'Text') return isWords(node.data) ? [node.data.trim()] : [];
  if (node.type === 'ExpressionTag') return outcomesOf(node.expression as Node).filter(isWords);
  if (node.type === 'StyleDirective') return [];
  if (node.type === 'Attribute') return WORDED.has(node.name as string) ? [node.value].flat().filter(isNode).flatMap(wordsInMarkup) : [];
  // What follows `if`, `each` and the like is not shown; the fragments within are.
  const shown = node.type.endsWith('Block') || node.type.endsWith('Tag') ? childrenOf(node).filter((child) => child.type === 'Fragment') : childrenOf(node);
  return shown.flatMap(wordsInMarkup);
}

/** In code: sentences anywhere but in errors for developers, and any words in a property or assignment that is shown. */
function wordsInCode(node: Node): string[] {
  if (node.type === 'NewExpression' && /Error$/.test(((node.callee as Node).name as string) ?? '')) return [];
  if (node.type === 'Property' && WORDED.has(((node.key as Node).name ?? (node.key as Node).value) as string)) {
    const found = outcomesOf(node.value as Node).filter(isWords);
    if (found.length > 0) return found;
  }
  const own = textsOf(node).filter((text) => isWords(text) && sentence.test(text)) as string[];
  return [...own, ...childrenOf(node).flatMap(wordsInCode)];
}

const literalsOf = (path: string, source: string): string[] =>
  treeOf(path, source).flatMap((part) => (part.type === 'Fragment' ? wordsInMarkup(part) : wordsInCode(part)));

/** Keys that are named, whole or by a template as in `note.${type}`. */
function unusedOf(all: readonly string[], files: Record<string, string>): string[] {
  const nodes = Object.entries(files).flatMap(([path, source]) => treeOf(path, source).flatMap(everyNode));
  const named = new Set(nodes.flatMap(textsOf));
  const patterns = nodes
    .filter((node) => node.type === 'TemplateLiteral')
    .map((node) => (node.quasis as Node[]).flatMap(textsOf) as string[])
    .filter(([first]) => /^\w+\./.test(first ?? ''))
    .map((parts) => new RegExp(`^${parts.map((part) => part.replace(/\W/g, '\\$&')).join('\\w*')}$`));
  return all.filter((key) => !named.has(key) && !patterns.some((pattern) => pattern.test(key)));
}

// Everything is read: that takes its time on a busy machine.
describe('the words of the client', { timeout: 60_000 }, () => {
  const product = Object.entries(sources).filter(([path]) => !path.startsWith('/src/lib/sdk/'));

  it('are nowhere but in the phrases', () => {
    expect(product.length).toBeGreaterThan(60);
    const found = product.flatMap(([path, source]) => literalsOf(path, source).map((words) => `${path}: ${words}`));
    expect(found).toEqual([]);
  });

  it('are all used', () => {
    expect(unusedOf(Object.keys(en), sources)).toEqual([]);
  });
});

describe('the search for words', () => {
  it.each([
    ['a text', '<p>Hello</p>'],
    ['a text in a block', '{#if open}<p>Hello</p>{/if}'],
    ['a text beside a phrase', "<p>{t('people.you')} and others</p>"],
    ['a label', '<button aria-label="Hello"></button>'],
    ['part of a label', '<button title="{name}, Hello"></button>'],
    ['a choice of labels', "<img alt={open ? 'Hello' : name} />"],
    ['a template', '<p>{`Hello ${name}`}</p>'],
    ['a component that is given words', '<EmptyState title="Hello" />'],
    ['a snippet', '{#snippet foot()}<b>Hello</b>{/snippet}'],
    ['a sentence in a script', "<script>toasts.show('Hello there')</script>"],
    ['a property that is shown', "<script>const item = { label: 'Hello', run };</script>"],
  ])('finds %s', (_, source) => {
    expect(literalsOf('Planted.svelte', source)).toHaveLength(1);
    expect(literalsOf('Planted.svelte', source)[0]).toMatch(/Hello|and others/);
  });

  it('is content with phrases, signs, comparisons and names for machines', () => {
    const fine = `<script lang="ts">const id = 'chat row'; throw new Error('No such row');</script>
      <p class="row" title={t(open === 'yes' ? 'people.you' : 'people.someone')}>{t('people.you')} · @{handle} {'…'}</p>`;
    expect(literalsOf('Fine.svelte', fine)).toEqual([]);
  });

  it('finds a phrase that nobody uses', () => {
    const files = { 'a.ts': "t('a.one'); t(`b.${what}Two`);" };
    expect(unusedOf(['a.one', 'a.on', 'b.hasTwo', 'b.two', 'c'], files)).toEqual(['a.on', 'b.two', 'c']);
  });
});
