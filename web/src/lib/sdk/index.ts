// The TypeScript SDK of Loopync. It knows no framework; the web client is its first user.
export { Backoff } from './backoff';
export { Client, socketUrl, type ClientOptions } from './client';
export type { Body, CommandName, Commands, Result } from './commands';
export { isPassing, mayDoLater, RequestError, type ErrorBody } from './errors';
export { Http, type HttpOptions } from './http';
export { newClientId } from './ids';
export { Outbox, type OutboxItem, type OutboxStore } from './outbox';
export { Pauses } from './pauses';
export { conversationTopic, userTopic, type Push, type PushName, type Pushes } from './pushes';
export type { RequestOptions } from './requests';
export { Session, type Signup } from './session';
export { Socket, type LinkState, type SocketListener, type Transport } from './socket';
export type * from './types';
