/**
 * Questions and answers between two ends of a message channel (a worker process and its supervisor, a command and the
 * control socket): each request carries a number, each answer repeats it. Values are plain JSON.
 */
import { errorText } from "../mail/error-text.ts";

export type Request = Readonly<{ id: number; method: string; params: unknown }>;
export type Response =
  | Readonly<{ id: number; ok: true; value: unknown }>
  | Readonly<{ id: number; ok: false; error: string }>;

/** What one end does for the other, by method name. */
export type Methods = Readonly<Record<string, (params: unknown) => unknown>>;

export async function answer(request: Request, methods: Methods): Promise<Response> {
  const { id, method, params } = request;
  const run = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (run === undefined) return { id, ok: false, error: `no such method: ${method}` };
  try {
    return { id, ok: true, value: (await run(params)) ?? null };
  } catch (error) {
    return { id, ok: false, error: errorText(error) };
  }
}

/** Calls over a channel that may break: then every open call fails. */
export class Caller {
  readonly #send: (request: Request) => void;
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  #next = 1;

  constructor(send: (request: Request) => void) {
    this.#send = send;
  }

  call(method: string, params: unknown = {}): Promise<unknown> {
    const id = this.#next++;
    const result = Promise.withResolvers<unknown>();
    this.#open.set(id, result);
    try {
      this.#send({ id, method, params });
    } catch (error) {
      this.#open.delete(id);
      result.reject(error);
    }
    return result.promise;
  }

  receive(response: Response): void {
    const open = this.#open.get(response.id);
    this.#open.delete(response.id);
    if (response.ok) open?.resolve(response.value);
    else open?.reject(new Error(response.error));
  }

  breakOff(reason: string): void {
    for (const { reject } of this.#open.values()) reject(new Error(reason));
    this.#open.clear();
  }
}

export function isRequest(value: unknown): value is Request {
  return (
    typeof value === "object" &&
    value !== null &&
    "method" in value &&
    "id" in value &&
    typeof value.method === "string"
  );
}

export function isResponse(value: unknown): value is Response {
  return typeof value === "object" && value !== null && "ok" in value && "id" in value;
}
