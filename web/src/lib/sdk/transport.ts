/** The part of the browser's WebSocket that is used here, so that tests can stand in for it. */
export interface Transport {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
}

export function openWebSocket(url: string): Transport {
  const socket = new WebSocket(url);
  const transport: Transport = {
    onopen: null,
    onmessage: null,
    onclose: null,
    // What is sent while the link is closing is lost in any case, and comes back with the unanswered requests.
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
  };
  socket.onopen = () => transport.onopen?.();
  socket.onmessage = (event) => transport.onmessage?.(event);
  socket.onclose = (event) => transport.onclose?.(event);
  return transport;
}
