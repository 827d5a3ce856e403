/**
 * Moments in a format of strftime(3), local time, C locale. What is made for one second is kept for the lines that
 * follow in it; no format makes a control character.
 */
import { onOneLine } from "./one-line.ts";

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = [
  ...["January", "February", "March", "April", "May", "June", "July"],
  ...["August", "September", "October", "November", "December"],
];

type Conversion = (date: Date) => string;

function two(value: number): string {
  return value.toString().padStart(2, "0");
}

function blank(value: number): string {
  return value.toString().padStart(2, " ");
}

function hour12(date: Date): number {
  return date.getHours() % 12 || 12;
}

function dayOfYear(date: Date): number {
  const start = Date.UTC(date.getFullYear(), 0, 1);
  return Math.round((Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - start) / 86_400_000) + 1;
}

/** Monday is 1, Sunday 7 (ISO 8601). */
function isoDay(date: Date): number {
  return date.getDay() || 7;
}

/** The year that the ISO 8601 week belongs to, and the week's number: those of its Thursday. */
function isoWeek(date: Date): Readonly<{ year: number; week: number }> {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - isoDay(date));
  return { year: thursday.getFullYear(), week: Math.ceil(dayOfYear(thursday) / 7) };
}

function offset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

const zoneFormat = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" });

/** `UTC`; `GMT+1` where the C library has an abbreviation. */
function zone(date: Date): string {
  return zoneFormat.formatToParts(date).find(({ type }) => type === "timeZoneName")?.value ?? "";
}

const conversions: Readonly<Record<string, Conversion>> = {
  a: (date) => (days[date.getDay()] ?? "").slice(0, 3),
  A: (date) => days[date.getDay()] ?? "",
  b: (date) => (months[date.getMonth()] ?? "").slice(0, 3),
  B: (date) => months[date.getMonth()] ?? "",
  C: (date) => two(Math.floor(date.getFullYear() / 100)),
  d: (date) => two(date.getDate()),
  e: (date) => blank(date.getDate()),
  g: (date) => two(isoWeek(date).year % 100),
  G: (date) => `${isoWeek(date).year}`,
  H: (date) => two(date.getHours()),
  I: (date) => two(hour12(date)),
  j: (date) => `${dayOfYear(date)}`.padStart(3, "0"),
  k: (date) => blank(date.getHours()),
  l: (date) => blank(hour12(date)),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  n: () => " ",
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  P: (date) => (date.getHours() < 12 ? "am" : "pm"),
  s: (date) => `${Math.floor(date.getTime() / 1000)}`,
  S: (date) => two(date.getSeconds()),
  t: () => " ",
  u: (date) => `${isoDay(date)}`,
  U: (date) => two(Math.floor((dayOfYear(date) + 6 - date.getDay()) / 7)),
  V: (date) => two(isoWeek(date).week),
  w: (date) => `${date.getDay()}`,
  W: (date) => two(Math.floor((dayOfYear(date) + 7 - isoDay(date)) / 7)),
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => `${date.getFullYear()}`,
  z: offset,
  Z: zone,
  "%": () => "%",
};

/** Conversions that stand for others. */
const composed: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  h: "%b",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
};

/** @returns the text of a moment (ms since 1970); conversions that nobody knows stay as written */
export function createStrftime(format: string): (ms: number) => string {
  const plain = format.replaceAll(/%([cDFhrRTxX])|%./gs, (written, letter?: string) =>
    letter === undefined ? written : (composed[letter] ?? written),
  );
  const parts = (onOneLine(plain).match(/%.|[^%]+|%$/gs) ?? []).map((part): string | Conversion => {
    return part.startsWith("%") ? (conversions[part.slice(1)] ?? part) : part;
  });
  let second = Number.NaN;
  let text = "";
  return (ms) => {
    const now = Math.floor(ms / 1000);
    if (now === second) return text;
    const date = new Date(ms);
    text = parts.map((part) => (typeof part === "string" ? part : part(date))).join("");
    second = now;
    return text;
  };
}
