/**
 * What a macro prints of a record: made once for each place in a template where it stands.
 */

/** @param ms the record's time. @param at of an inbound record: the recipient's place in its envelope, from 0 */
export type Print<Source> = (record: Source, ms: number, at: number) => string;

export type Maker<Source> = (argument: string | undefined) => Print<Source>;

export type Makers<Source> = Readonly<Record<string, Maker<Source>>>;

/** Of a macro that takes no argument. */
export function simple<Source>(print: Print<Source>): Maker<Source> {
  return () => print;
}

export function nothing(): string {
  return "";
}

/** `t`, `us`, which every record has. */
export function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)}`;
}

/** The parser lets nothing else through. */
export function digitsOf(decimals: string | undefined, otherwise: number): number {
  const digits = Number(decimals ?? otherwise);
  return Number.isInteger(digits) && digits >= 0 && digits <= 9 ? digits : otherwise;
}

export function secondsWith(decimals: string | undefined): (ms: number) => string {
  const digits = digitsOf(decimals, 6);
  return (ms) => {
    const whole = Math.floor(ms / 1000);
    const rest = `${Math.floor(ms) - whole * 1000}`.padStart(3, "0").padEnd(digits, "0");
    return `${whole}.${rest.slice(0, digits)}`;
  };
}
