/**
 * The store's own thread: opens one shard, then runs one group after the other. The event loop waits for none of it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { QueueOpenError } from "./schema.ts";
import { Store } from "./store.ts";
import type { StoreGroup, StoreOpened, StoreOptions, StoreReply } from "./wire.ts";

const port = parentPort;
if (port === null) throw new Error("store-thread is run as a worker thread only");

const store = open(workerData as StoreOptions);

port.on("message", (order: StoreGroup | "close") => {
  if (order === "close") {
    store?.close();
    port.close();
    return;
  }
  if (store === undefined) throw new Error("a group for a store that is not open");
  const reply = store.run(order);
  port.postMessage(reply, bodiesIn(reply));
});

function open(options: StoreOptions): Store | undefined {
  try {
    const opened = new Store(options);
    const { recovered, keptFiles } = opened;
    const { lastSeq, projected } = opened.totals.now;
    port?.postMessage({ kind: "opened", recovered, keptFiles, lastSeq, projected } satisfies StoreOpened);
    return opened;
  } catch (error) {
    if (!(error instanceof QueueOpenError)) throw error;
    port?.postMessage({ kind: "failed", reason: error.reason, error: error.message } satisfies StoreOpened);
    return undefined;
  }
}

/** Buffers that change hands instead of being copied. */
function bodiesIn({ answers }: StoreReply): ArrayBuffer[] {
  const buffers: ArrayBuffer[] = [];
  for (const answer of answers) {
    if (answer.kind !== "done" || answer.value === null || typeof answer.value !== "object") continue;
    if (!("messages" in answer.value) || typeof answer.value.messages === "number") continue;
    for (const { body } of answer.value.messages) {
      if (body?.buffer instanceof ArrayBuffer) buffers.push(body.buffer);
    }
  }
  return buffers;
}
