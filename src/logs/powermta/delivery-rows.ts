/**
 * Which records an attempt makes (reference, section 3.2).
 *
 *     delivered                                              d
 *     failed, expired                                        b
 *     a reply to MAIL, RCPT, DATA or the message, for now,
 *     or more TLS demanded for one recipient                 t    for each recipient
 *     no host, no connection, no greeting, TLS not as asked  tq   once for all recipients of an attempt
 *
 * A host that was met before another one settled the attempt has its own `t` or `tq`. A host that was not tried, because
 * others had just failed there, has none: nothing happened.
 */
import type { AttemptRecord, EarlierHost } from "../../mail/attempt.ts";
import type { AccountingType } from "../../mail/log-definition.ts";

export type DeliveryType = Exclude<AccountingType, "r">;

/** A host as an attempt met it; of the one that settled it the record itself is the text. */
export type DeliveryRow = Readonly<{ type: DeliveryType; record: AttemptRecord; host: EarlierHost }>;

type Wanted = (type: DeliveryType) => boolean;

/** Makes rows; remembers which hosts the attempt at hand has been told of. */
export class DeliveryRows {
  readonly #wants: Wanted;
  #attempt = "";
  readonly #told = new Set<string>();

  /** @param wants types of the file: no other rows are made */
  constructor(wants: Wanted) {
    this.#wants = wants;
  }

  of(record: AttemptRecord): readonly DeliveryRow[] {
    const { event, earlier, leads } = record;
    // Two queues of a message may be tried in the same instant.
    if (leads) this.#told.clear();
    if (earlier.length === 0 && event !== "deferred" && event !== "expired") {
      const type = event === "delivered" ? "d" : "b";
      return this.#wants(type) ? [{ type, record, host: record }] : none;
    }
    const rows: DeliveryRow[] = [];
    for (const host of earlier) this.#trouble(record, host, rows);
    if (event === "deferred" || event === "expired") this.#trouble(record, record, rows);
    if (event === "delivered") this.#add("d", record, record, rows);
    else if (event !== "deferred") this.#add("b", record, record, rows);
    return rows;
  }

  #trouble(record: AttemptRecord, host: EarlierHost, rows: DeliveryRow[]): void {
    const { failure } = host;
    if (failure?.kind === "suspended") return;
    if (isOfRecipient(failure)) {
      // What is said of a recipient that has expired is said in its `b`.
      if (record.event !== "expired" || host !== record) this.#add("t", record, host, rows);
    } else if (this.#wants("tq") && this.#isNews(record, host)) rows.push({ type: "tq", record, host });
  }

  #add(type: DeliveryType, record: AttemptRecord, host: EarlierHost, rows: DeliveryRow[]): void {
    if (this.#wants(type)) rows.push({ type, record, host });
  }

  /** The records of one attempt come one after the other, and have one time; after a crash perhaps not all of them. */
  #isNews({ messageId, time }: AttemptRecord, { mx, address, error }: EarlierHost): boolean {
    const attempt = `${messageId} ${time}`;
    if (attempt !== this.#attempt) this.#told.clear();
    this.#attempt = attempt;
    const host = `${mx} ${address} ${error}`;
    if (this.#told.has(host)) return false;
    this.#told.add(host);
    return true;
  }
}

function isOfRecipient(failure: EarlierHost["failure"]): boolean {
  if (failure === null) return false;
  return failure.kind === "refused" || failure.kind === "unsuitable" || failure.tls === "recipient-requirement";
}

const none: readonly DeliveryRow[] = [];
