import { describe, expect, it } from 'vitest';
import { address, placeOf, routes, type RouteName } from './routes';

describe('addresses', () => {
  it('lead back to the place they were made of', () => {
    for (const name of Object.keys(routes) as RouteName[]) {
      const params = Object.fromEntries([...routes[name].matchAll(/:(\w+)/g)].map(([, key]) => [key as string, 'an id/with a slash']));
      expect(placeOf(address(name, params))).toMatchObject({ name, params });
    }
  });

  it('of fixed places win over those with an id', () => {
    expect(placeOf('/messages/new').name).toBe('newChat');
    expect(placeOf('/people/requests').name).toBe('peopleRequests');
  });

  it('bring one home from the root, and bear a slash at the end', () => {
    expect(placeOf('/').name).toBe('messages');
    expect(placeOf('/settings/').name).toBe('settings');
  });

  it('that lead nowhere say so, mangled ones too', () => {
    expect(placeOf('/messages/a/b/c').name).toBe('missing');
    expect(placeOf('/messages/%E0%A4%A').name).toBe('missing');
  });
});
