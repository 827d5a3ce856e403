/**
 * The files that the pages' configurations name, made on the spot: certificates that are what the page says they are, and
 * of other servers' configurations as little as they start with.
 */
import { textFiles } from "../../src/config/text-files.ts";
import { makeAuthority } from "../../src/lab/certificates.ts";
import type { SourceFiles } from "../../src/policy/dialects/dialect.ts";

const password = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

/** As `/etc/letterlock` and its neighbours; private, as `chmod 600` leaves them. `now`: ms since 1970. */
export async function standIns(now: number): Promise<SourceFiles> {
  const authority = await makeAuthority();
  const dates = { notBefore: now - 86_400_000, notAfter: now + 90 * 86_400_000 };
  const mx = { dnsNames: ["mx.example.com", "relay.example.com"], ...dates };
  const ecdsa = await authority.issue(mx);
  const rsa = await authority.issue({ ...mx, keyKind: "rsa-2048" });
  const customer = await authority.issue({ dnsNames: ["mx.customer.example"], ...dates });
  const files = {
    "/etc/letterlock/mx.pem": ecdsa.chainPem,
    "/etc/letterlock/mx.key": ecdsa.privateKeyPem,
    "/etc/letterlock/mx-rsa.pem": rsa.chainPem,
    "/etc/letterlock/mx-rsa.key": rsa.privateKeyPem,
    "/etc/letterlock/customer.pem": customer.chainPem,
    "/etc/letterlock/customer.key": customer.privateKeyPem,
    "/etc/letterlock/clinic-ca.pem": authority.certificatePem,
    "/etc/letterlock/branch-ca.pem": authority.certificatePem,
    "/etc/letterlock/logs-ca.pem": authority.certificatePem,
    "/etc/letterlock/users.yaml": `users:\n  newsletter: { password: "${password}" }\n`,
    "/etc/postfix/main.cf": "smtp_tls_security_level = may\n",
    "/etc/letterlock/postfix/main.cf": "smtp_tls_security_level = may\n",
    "/etc/mail/access": "To:example.com RELAY\n",
    "/etc/mail/sendmail.mc": "FEATURE(`access_db')dnl\n",
    "/etc/letterlock/sendmail.mc": "FEATURE(`access_db')dnl\n",
    "/etc/ecelerity/ecelerity.conf":
      'binding "customer-1" { tls = "ifavailable" }\nbinding "customer-2" { tls = "no" }\n',
    "/etc/pmta/config": "log-file /var/log/pmta/log\n",
  };
  return { ...textFiles(files), modeOf: () => 0o600 };
}
