/**
 * The least of a certificate: DER with names in it and nothing else that counts. `/C=US/O=A B/CN=x` as OpenSSL prints it.
 */

const types: Readonly<Record<string, readonly number[]>> = {
  C: [0x55, 4, 6],
  ST: [0x55, 4, 8],
  L: [0x55, 4, 7],
  O: [0x55, 4, 10],
  OU: [0x55, 4, 11],
  CN: [0x55, 4, 3],
  emailAddress: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1],
  "1.2.3.4": [0x2a, 3, 4],
};

export function certificateDer(subject: string, issuer: string): Uint8Array {
  const empty = element(0x30, []);
  const serial = element(0x02, [1]);
  const version = element(0xa0, element(0x02, [2]));
  const body = [version, serial, empty, nameDer(issuer), empty, nameDer(subject), empty].flatMap((part) => [...part]);
  return Uint8Array.from(element(0x30, element(0x30, body)));
}

function nameDer(name: string): readonly number[] {
  const parts = name.split("/").slice(1);
  return element(
    0x30,
    parts.flatMap((part) => {
      const equals = part.indexOf("=");
      const type = types[part.slice(0, equals)] ?? [];
      const text = [...Buffer.from(part.slice(equals + 1))];
      return [...element(0x31, element(0x30, [...element(0x06, type), ...element(0x0c, text)]))];
    }),
  );
}

function element(tag: number, content: readonly number[]): readonly number[] {
  const length = content.length < 0x80 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return [tag, ...length, ...content];
}
