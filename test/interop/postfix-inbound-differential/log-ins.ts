/**
 * The other end of `smtpd_sasl_path`: Dovecot's protocol for log-ins, as far as Postfix needs it, with one user.
 */
import { chmodSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import { users } from "./variants.ts";

const greeting = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0123456789abcdef\nDONE\n";
const right = Buffer.from(`\0${users.name}\0${users.password}`).toString("base64");

export async function answerLogIns(socketFile: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(greeting);
    createInterface({ input: socket }).on("line", (line) => {
      const [command, id, ...fields] = line.split("\t");
      if (command !== "AUTH") return;
      const response = fields.find((field) => field.startsWith("resp="))?.slice("resp=".length);
      socket.write(response === right ? `OK\t${id}\tuser=${users.name}\n` : `FAIL\t${id}\tuser=${users.name}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketFile, resolve));
  chmodSync(socketFile, 0o666);
  return server;
}
