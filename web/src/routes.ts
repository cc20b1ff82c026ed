// Every place of the client and its address.

export const routes = {
  login: '/login',
  signup: '/signup',
  messages: '/messages',
  newChat: '/messages/new',
  newGroup: '/messages/new-group',
  thread: '/messages/:conversationId',
  threadInfo: '/messages/:conversationId/info',
  people: '/people',
  peopleRequests: '/people/requests',
  peopleSearch: '/people/search',
  profile: '/people/:userId',
  settings: '/settings',
  settingsProfile: '/settings/profile',
  settingsPrivacy: '/settings/privacy',
  settingsAppearance: '/settings/appearance',
  settingsLanguage: '/settings/language',
  settingsPassword: '/settings/password',
  settingsSessions: '/settings/sessions',
  settingsBlocked: '/settings/blocked',
} as const;

export type RouteName = keyof typeof routes;
export type RouteParams = Record<string, string>;

export interface Place {
  name: RouteName | 'missing';
  params: RouteParams;
  query: URLSearchParams;
  path: string;
}

/** The address of a place. */
export function address(name: RouteName, params: RouteParams = {}): string {
  return routes[name].replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(params[key] ?? ''));
}

/** The place of an address; literal addresses stand before those with parameters in the table, and win. */
export function placeOf(path: string, search = ''): Place {
  const query = new URLSearchParams(search);
  const clean = path.length > 1 ? path.replace(/\/+$/, '') : path;
  if (clean === '/' || clean === '') return { name: 'messages', params: {}, query, path: routes.messages };
  const parts = clean.split('/');
  for (const [name, pattern] of Object.entries(routes) as [RouteName, string][]) {
    const params = match(pattern.split('/'), parts);
    if (params) return { name, params, query, path: clean };
  }
  return { name: 'missing', params: {}, query, path: clean };
}

function match(pattern: string[], parts: string[]): RouteParams | null {
  if (pattern.length !== parts.length) return null;
  const params: RouteParams = {};
  for (const [index, expected] of pattern.entries()) {
    const part = parts[index] as string;
    if (expected.startsWith(':')) {
      try {
        params[expected.slice(1)] = decodeURIComponent(part);
      } catch {
        return null;
      }
    } else if (expected !== part) return null;
  }
  return params;
}
